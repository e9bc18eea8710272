package sqlite

// Every statement on a user's file, so that a test can read the plan of each.
const (
	sqlModified        = `SELECT modified FROM storage`
	sqlFenced          = `SELECT fenced, modified FROM storage` // one statement, since each write begins with it
	sqlFence           = `UPDATE storage SET fenced = ?1`
	sqlStamp           = `UPDATE storage SET modified = ?1`
	sqlCollection      = `SELECT number, modified FROM collections WHERE name = ?1`
	sqlStampCollection = `INSERT INTO collections (name, modified) VALUES (?1, ?2)
		ON CONFLICT (name) DO UPDATE SET modified = excluded.modified
		RETURNING number`
	sqlDeleteCollection = `DELETE FROM collections WHERE number = ?1`
	// Expired records are subtracted. They are few: each purge removes them.
	sqlCollections = `SELECT c.name, c.modified, c.records - ifnull(expired.records, 0), c.bytes - ifnull(expired.bytes, 0)
		FROM collections c LEFT JOIN (
			SELECT collection, count(*) AS records, sum(length(payload)) AS bytes
			FROM records INDEXED BY records_by_expiry WHERE expires <= ?1 GROUP BY collection
		) expired ON expired.collection = c.number
		ORDER BY c.name`
	sqlUsage = `SELECT ifnull(sum(bytes + ?1 * records + ?1), 0)
			+ (SELECT ifnull(sum(bytes + ?1 * records), 0) FROM batches WHERE token = ?2), count(*)
		FROM collections`
	sqlSummary = `SELECT (SELECT ifnull(sum(bytes), 0) FROM collections), (SELECT modified FROM storage), (
		SELECT min(expires) FROM (SELECT min(expires) AS expires FROM records WHERE expires IS NOT NULL
			UNION ALL SELECT min(expires) FROM batches))`

	sqlRecord         = `SELECT id, modified, sortindex, payload FROM records WHERE collection = ?1 AND id = ?2 AND (expires IS NULL OR expires > ?3)`
	sqlRecordModified = `SELECT modified FROM records WHERE collection = ?1 AND id = ?2 AND (expires IS NULL OR expires > ?3)`
	// The parameters are: collection, ID, time of the write, sortindex, expiry, payload,
	// fields, now. A record that has expired is overwritten whole.
	sqlPut = `INSERT INTO records (collection, id, modified, sortindex, expires, payload)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6)
		ON CONFLICT (collection, id) DO UPDATE SET
			modified  = CASE WHEN ?7 & 3 OR expires <= ?8 THEN excluded.modified  ELSE modified  END,
			sortindex = CASE WHEN ?7 & 2 OR expires <= ?8 THEN excluded.sortindex ELSE sortindex END,
			expires   = CASE WHEN ?7 & 4 OR expires <= ?8 THEN excluded.expires   ELSE expires   END,
			payload   = CASE WHEN ?7 & 1 OR expires <= ?8 THEN excluded.payload   ELSE payload   END`
	sqlDeleteRecords    = `DELETE FROM records WHERE collection = ?1 AND id IN (SELECT value FROM json_each(?2))`
	sqlDeleteAllRecords = `DELETE FROM records WHERE collection = ?1`
	sqlDropExpired      = `DELETE FROM records WHERE rowid IN (SELECT rowid FROM records WHERE expires <= ?1 LIMIT ?2)`

	sqlWipeItems       = `DELETE FROM batch_items`
	sqlWipeBatches     = `DELETE FROM batches`
	sqlWipeRecords     = `DELETE FROM records`
	sqlWipeCollections = `DELETE FROM collections`
)

// The statements on batches, and on the changes that wait in them.
const (
	sqlStartBatch = `INSERT INTO batches (token, collection, expires) VALUES (?1, ?2, ?3)`
	sqlBatch      = `SELECT number FROM batches WHERE token = ?1 AND collection = ?2 AND expires > ?3`
	sqlGrowBatch  = `UPDATE batches SET records = records + ?1, bytes = bytes + ?2 WHERE number = ?3 RETURNING records, bytes`
	// The fields that are sent replace those that the batch has.
	sqlPutItem = `INSERT INTO batch_items (batch, id, fields, sortindex, ttl, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
		ON CONFLICT (batch, id) DO UPDATE SET
			fields    = fields | excluded.fields,
			sortindex = iif(excluded.fields & 2, excluded.sortindex, sortindex),
			ttl       = iif(excluded.fields & 4, excluded.ttl, ttl),
			payload   = iif(excluded.fields & 1, excluded.payload, payload)`
	sqlCountItems = `SELECT count(*) FROM batch_items WHERE batch = ?1`

	// A commit runs these three. Their parameters are: batch, collection, time of the write,
	// now. The indexes are named, and the plus keeps SQLite from using another one:
	// it would read the whole collection.
	sqlApplyExpired = `DELETE FROM records INDEXED BY records_by_id WHERE collection = ?2 AND expires <= ?4
		AND id IN (SELECT id FROM batch_items WHERE batch = ?1)`
	sqlApplyChanged = `UPDATE records INDEXED BY records_by_id SET
			modified  = iif(b.fields & 3, ?3, modified),
			sortindex = iif(b.fields & 2, b.sortindex, records.sortindex),
			expires   = iif(b.fields & 4, ?4 + 100 * b.ttl, expires),
			payload   = iif(b.fields & 1, b.payload, records.payload)
		FROM batch_items b WHERE b.batch = ?1 AND records.collection = ?2 AND records.id = +b.id`
	sqlApplyNew = `INSERT INTO records (collection, id, modified, sortindex, expires, payload)
		SELECT ?2, id, ?3, sortindex, ?4 + 100 * ttl, payload FROM batch_items WHERE batch = ?1
		ON CONFLICT (collection, id) DO NOTHING`

	// Batches are dropped by one of these conditions, their items first.
	numbered            = ` WHERE number = ?1`
	tokened             = ` WHERE token = ?1`
	collected           = ` WHERE collection = ?1`
	expired             = ` WHERE expires <= ?1`
	dropItems           = `DELETE FROM batch_items WHERE batch IN (SELECT number FROM batches`
	dropBatches         = `DELETE FROM batches`
	sqlDropBatchItems   = dropItems + numbered + `)`
	sqlDropBatch        = dropBatches + numbered
	sqlDropTokenItems   = dropItems + tokened + `)`
	sqlDropTokenBatch   = dropBatches + tokened
	sqlDropCollectItems = dropItems + collected + `)`
	sqlDropCollectBatch = dropBatches + collected
	sqlDropExpiredItems = dropItems + expired + `)`
	sqlDropExpiredBatch = dropBatches + expired
	// The batches that are too many, or that come after too many bytes, from the newest on.
	excess = `(SELECT number FROM (
		SELECT number, token, row_number() OVER newest AS n, sum(bytes + ?1 * records) OVER newest AS total FROM batches
		WINDOW newest AS (ORDER BY token = ?2 DESC, number DESC)) WHERE token <> ?2 AND (n > ?3 OR total > ?4))`
	sqlDropExcessItems = `DELETE FROM batch_items WHERE batch IN ` + excess
	sqlDropExcessBatch = `DELETE FROM batches WHERE number IN ` + excess
)

// The statements of listings. Each order has an index, which is named because SQLite
// would sort instead. The parameters come in the order in which they stand there; see
// transaction.listing.
const (
	whatOutline = `, id FROM records INDEXED BY `
	whatRecords = `SELECT id, modified, sortindex, payload FROM records INDEXED BY `
	whatIDs     = `SELECT id FROM records INDEXED BY `
	whatCount   = `SELECT count(*) FROM records INDEXED BY `

	byTime   = `records_by_time`
	byWeight = `records_by_weight`
	byID     = `records_by_id`

	// weight stands for the sortindex. A record without one comes after all that the
	// wire allows. The index holds the same expression.
	weight = `ifnull(sortindex, -1000000000)`

	whereOldest = ` WHERE collection = ? AND (modified, id) > (?, ?) AND modified < ? AND (expires IS NULL OR expires > ?)`
	whereNewest = ` WHERE collection = ? AND (modified, id) < (?, ?) AND modified > ? AND (expires IS NULL OR expires > ?)`
	// The second condition says more than the first, but SQLite can only start the index
	// at the first: it does not look for an expression in a row of values.
	whereWeight = ` WHERE collection = ? AND ` + weight + ` <= ? AND (` + weight + `, id) < (?, ?) AND modified > ? AND modified < ?
		AND (expires IS NULL OR expires > ?)`
	whereIDs = ` AND id IN (SELECT value FROM json_each(?))`

	orderOldest = ` ORDER BY modified, id`
	orderNewest = ` ORDER BY modified DESC, id DESC`
	orderWeight = ` ORDER BY ` + weight + ` DESC, id DESC`

	some = ` LIMIT ?`
	// The last record of a page, and the one after it.
	last = ` LIMIT 2 OFFSET ?`

	sqlOldestOutline = `SELECT modified` + whatOutline + byTime + whereOldest + orderOldest + last
	sqlOldestRecords = whatRecords + byTime + whereOldest + orderOldest + some
	sqlOldestIDs     = whatIDs + byTime + whereOldest + orderOldest + some
	sqlOldestCount   = whatCount + byTime + whereOldest

	sqlNewestOutline = `SELECT modified` + whatOutline + byTime + whereNewest + orderNewest + last
	sqlNewestRecords = whatRecords + byTime + whereNewest + orderNewest + some
	sqlNewestIDs     = whatIDs + byTime + whereNewest + orderNewest + some
	sqlNewestCount   = whatCount + byTime + whereNewest

	sqlWeightOutline = `SELECT ` + weight + whatOutline + byWeight + whereWeight + orderWeight + last
	sqlWeightRecords = whatRecords + byWeight + whereWeight + orderWeight + some
	sqlWeightIDs     = whatIDs + byWeight + whereWeight + orderWeight + some
	sqlWeightCount   = whatCount + byWeight + whereWeight

	// Of some IDs.
	sqlOldestOfOutline = `SELECT modified` + whatOutline + byID + whereOldest + whereIDs + orderOldest + last
	sqlOldestOfRecords = whatRecords + byID + whereOldest + whereIDs + orderOldest + some
	sqlOldestOfIDs     = whatIDs + byID + whereOldest + whereIDs + orderOldest + some
	sqlOldestOfCount   = whatCount + byID + whereOldest + whereIDs

	sqlNewestOfOutline = `SELECT modified` + whatOutline + byID + whereNewest + whereIDs + orderNewest + last
	sqlNewestOfRecords = whatRecords + byID + whereNewest + whereIDs + orderNewest + some
	sqlNewestOfIDs     = whatIDs + byID + whereNewest + whereIDs + orderNewest + some
	sqlNewestOfCount   = whatCount + byID + whereNewest + whereIDs

	sqlWeightOfOutline = `SELECT ` + weight + whatOutline + byID + whereWeight + whereIDs + orderWeight + last
	sqlWeightOfRecords = whatRecords + byID + whereWeight + whereIDs + orderWeight + some
	sqlWeightOfIDs     = whatIDs + byID + whereWeight + whereIDs + orderWeight + some
	sqlWeightOfCount   = whatCount + byID + whereWeight + whereIDs
)

// The statements of RenewSyncIDs.
const (
	sqlMetaRecords = `SELECT id, payload FROM records
		WHERE collection = (SELECT number FROM collections WHERE name = 'meta') AND length(payload) <= ?1 LIMIT ?2`
	sqlRenewRecord = `UPDATE records SET payload = ?2, modified = ?3
		WHERE collection = (SELECT number FROM collections WHERE name = 'meta') AND id = ?1`
	// The time of crypto is that of its one record, which clients compare.
	sqlRenewCollections = `UPDATE collections SET modified = ?1 WHERE name <> 'crypto'`
)

// The statements of copies.
const (
	sqlExport = `SELECT id, modified, sortindex, expires, payload FROM records INDEXED BY records_by_id
		WHERE collection = ?1 AND (expires IS NULL OR expires > ?2) ORDER BY id`
	sqlImport = `INSERT INTO records (collection, id, modified, sortindex, expires, payload)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6)
		ON CONFLICT (collection, id) DO UPDATE SET
			modified = excluded.modified, sortindex = excluded.sortindex, expires = excluded.expires, payload = excluded.payload`
)
