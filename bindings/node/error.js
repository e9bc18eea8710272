/** SyncError says why a call failed: code is stable, and the message is for a person. */
export class SyncError extends Error {
  constructor(error) {
    super(error.message);
    this.name = "SyncError";
    Object.assign(this, { code: error.code, field: error.field, id: error.id, retryAt: error.retryAt });
  }
}
