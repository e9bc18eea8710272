package sync15

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
)

// maxBSO bounds the answer to a GET of a single record.
const maxBSO = 6 << 20

// getBSO reads one record's payload and its time.
func (c *Client) getBSO(ctx context.Context, collection string, id bso.ID) ([]byte, bso.Timestamp, error) {
	doing := "read " + collection + "/" + string(id)
	resp, err := c.do(ctx, request{method: http.MethodGet, path: bsoPath(collection, id), doing: doing})
	if err != nil {
		return nil, 0, err
	}
	at, err := lastModified(doing, resp)
	if err != nil {
		drain(resp)
		return nil, 0, err
	}
	body, err := small(doing, resp, maxBSO)
	if err != nil {
		return nil, 0, err
	}
	var r struct {
		Payload *string `json:"payload"`
	}
	if err := json.Unmarshal(body, &r); err != nil || r.Payload == nil {
		return nil, 0, protocolError(doing, "it is not a record")
	}
	return []byte(*r.Payload), at, nil
}

// putBSO writes one record if nobody wrote it after since, and returns its new time.
func (c *Client) putBSO(ctx context.Context, collection string, id bso.ID, payload []byte, since bso.Timestamp) (bso.Timestamp, error) {
	return c.putEnvelope(ctx, collection, id, appendEnvelope(nil, engine.Outgoing{ID: id}, payload), since)
}

func (c *Client) putEnvelope(ctx context.Context, collection string, id bso.ID, envelope []byte, since bso.Timestamp) (bso.Timestamp, error) {
	doing := "write " + collection + "/" + string(id)
	resp, err := c.do(ctx, request{
		method: http.MethodPut, path: bsoPath(collection, id), doing: doing,
		body: envelope, contentType: "application/json", unmodifiedSince: &since,
	})
	if err != nil {
		return 0, err
	}
	defer drain(resp)
	return lastModified(doing, resp)
}

// delete deletes a collection or a record. It is not an error if it does not exist.
func (c *Client) delete(ctx context.Context, path, doing string, since bso.Timestamp) error {
	if err := c.mustDelete(ctx, path, doing, since); !isNotFound(err) {
		return err
	}
	return nil
}

func (c *Client) mustDelete(ctx context.Context, path, doing string, since bso.Timestamp) error {
	resp, err := c.do(ctx, request{method: http.MethodDelete, path: path, doing: doing, unmodifiedSince: &since})
	if err == nil {
		drain(resp)
	}
	return err
}

func collectionPath(collection string) string { return "/storage/" + url.PathEscape(collection) }

func bsoPath(collection string, id bso.ID) string {
	return collectionPath(collection) + "/" + url.PathEscape(string(id))
}
