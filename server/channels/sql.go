package channels

// All statements of the package, so that a test can check their query plans.
const (
	sqlForget         = `DELETE FROM channels WHERE created_at <= ?1`
	sqlForgetMessages = `DELETE FROM channel_messages WHERE sent_at <= ?1`
	sqlCreate         = `INSERT INTO channels (id, network, first, created_at) SELECT ?1, ?2, ?3, ?4
		WHERE (SELECT count(*) FROM (SELECT 1 FROM channels WHERE created_at > ?5 LIMIT ?6) c) < ?6
			AND (SELECT count(*) FROM (SELECT 1 FROM channels WHERE network = ?2 AND created_at > ?5 LIMIT ?7) c) < ?7`
	sqlJoin = `UPDATE channels SET second = ?2 WHERE id = ?1 AND second IS NULL AND ended = 0 AND created_at > ?3
		RETURNING first, created_at`
	sqlSend = `INSERT INTO channel_messages (server, channel, n, body, sent_at)
		SELECT CASE WHEN first = ?2 THEN second ELSE first END, id, ?3, ?4, ?5 FROM channels
		WHERE id = ?1 AND ended = 0 AND second IS NOT NULL AND first <> second`
	sqlTake = `DELETE FROM channel_messages WHERE server = ?1 RETURNING channel, n, body`
	sqlEnd  = `UPDATE channels SET ended = 1 WHERE id = ?1`
)
