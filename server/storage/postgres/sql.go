package postgres

// Every statement on records, so that a test can read the plan of each. $1 is the user wherever a
// statement has one.
const (
	// The locked row gives its turn to one step of a user at a time.
	sqlLock     = `SELECT modified, fenced FROM storage_users WHERE uid = $1 FOR UPDATE`
	sqlFirst    = `INSERT INTO storage_users (uid, modified, step) VALUES ($1, 0, 0) ON CONFLICT (uid) DO NOTHING`
	sqlStep     = `SELECT step FROM storage_users WHERE uid = $1 FOR UPDATE`
	sqlModified = `SELECT modified FROM storage_users WHERE uid = $1`
	sqlFence    = `UPDATE storage_users SET fenced = $2 WHERE uid = $1`
	sqlStamp    = `UPDATE storage_users SET modified = $2, step = $3 WHERE uid = $1`

	// sqlTimes returns the storage's time with an empty name.
	sqlTimes = `SELECT '', modified FROM storage_users WHERE uid = $1
		UNION ALL SELECT name, modified FROM storage_collections WHERE uid = $1`
	sqlCollection = `SELECT number, modified FROM storage_collections WHERE uid = $1 AND name = $2`
	// sqlOwn comes after the lock, in whose turn nobody else changes a collection of the user.
	sqlOwn              = `SELECT name, number, modified, records, bytes FROM storage_collections WHERE uid = $1`
	sqlAddCollection    = `INSERT INTO storage_collections (uid, number, name, modified, records, bytes) VALUES ($1, $2, $3, $4, $5, $6)`
	sqlSetCollection    = `UPDATE storage_collections SET modified = $3, records = $4, bytes = $5 WHERE uid = $1 AND number = $2`
	sqlDeleteCollection = `DELETE FROM storage_collections WHERE uid = $1 AND number = $2`
	// Expired records are subtracted. They are few: each purge removes them.
	sqlCollections = `SELECT c.name, c.modified, c.records - coalesce(expired.records, 0), c.bytes - coalesce(expired.bytes, 0)
		FROM storage_collections c LEFT JOIN (
			SELECT collection, count(*) AS records, sum(octet_length(payload))::bigint AS bytes
			FROM storage_records WHERE uid = $1 AND expires <= $2 GROUP BY collection
		) expired ON expired.collection = c.number
		WHERE c.uid = $1 ORDER BY c.name`
	sqlRecord = `SELECT id, modified, sortindex, payload FROM storage_records
		WHERE uid = $1 AND collection = $2 AND id = $3 AND (expires IS NULL OR expires > $4)`
	sqlRecordModified = `SELECT modified FROM storage_records
		WHERE uid = $1 AND collection = $2 AND id = $3 AND (expires IS NULL OR expires > $4)`

	// The upsert of changes from an array for each column, or from the posts of a batch. The
	// parameters are: user, collection's number, time of the write, now. The proposed value of
	// replaced is -1 - fields: it brings the fields to where the stored record is, and marks
	// a new record. A record that has expired is overwritten whole.
	putInto = `WITH put AS (
		INSERT INTO storage_records AS r (uid, collection, id, modified, sortindex, expires, replaced, payload)
		SELECT $1, $2::integer, u.id, $3, u.sortindex, $4 + 100 * u.ttl, -1 - u.fields, u.payload
		FROM `
	putFrom = ` AS u (id, fields, sortindex, ttl, payload)
		ON CONFLICT (uid, collection, id) DO UPDATE SET
			modified  = CASE WHEN (-1 - excluded.replaced) & 3 <> 0 OR r.expires <= $4 THEN excluded.modified  ELSE r.modified  END,
			sortindex = CASE WHEN (-1 - excluded.replaced) & 2 <> 0 OR r.expires <= $4 THEN excluded.sortindex ELSE r.sortindex END,
			expires   = CASE WHEN (-1 - excluded.replaced) & 4 <> 0 OR r.expires <= $4 THEN excluded.expires   ELSE r.expires   END,
			payload   = CASE WHEN (-1 - excluded.replaced) & 1 <> 0 OR r.expires <= $4 THEN excluded.payload   ELSE r.payload   END,
			replaced  = octet_length(r.payload)
		RETURNING replaced, octet_length(payload) AS size
		) SELECT count(*) FILTER (WHERE replaced < 0), coalesce(sum(size - greatest(replaced, 0)), 0)::bigint FROM put`
	// putNewFrom is putFrom for a collection that did not exist, at three quarters of the cost; COPY
	// would save little more, and a batch's posts are in the database already.
	putNewFrom = ` AS u (id, fields, sortindex, ttl, payload)
		RETURNING octet_length(payload) AS size
		) SELECT count(*), coalesce(sum(size), 0)::bigint FROM put`
	sqlPut    = putInto + `unnest($5::text[], $6::smallint[], $7::integer[], $8::bigint[], $9::bytea[])` + putFrom
	sqlPutNew = putInto + `unnest($5::text[], $6::smallint[], $7::integer[], $8::bigint[], $9::bytea[])` + putNewFrom
	// items are the changes of a batch: its user and its number are $1 and $5.
	items = `storage_posts p, unnest(p.ids, p.fields, p.sortindexes, p.ttls, p.payloads)
		WITH ORDINALITY AS i (id, fields, sortindex, ttl, payload, n) WHERE p.uid = $1 AND p.batch = $5`
	sqlCommit    = putInto + `(SELECT i.id, i.fields, i.sortindex, i.ttl, i.payload FROM ` + items + `)` + putFrom
	sqlCommitNew = putInto + `(SELECT i.id, i.fields, i.sortindex, i.ttl, i.payload FROM ` + items + `)` + putNewFrom
	// Of changes of the same record, the last that has a field counts for that field.
	sqlCommitMerged = putInto + `(SELECT i.id, bit_or(i.fields),
			(array_agg(i.sortindex ORDER BY p.post DESC, i.n DESC) FILTER (WHERE i.fields & 2 <> 0))[1],
			(array_agg(i.ttl ORDER BY p.post DESC, i.n DESC) FILTER (WHERE i.fields & 4 <> 0))[1],
			coalesce((array_agg(i.payload ORDER BY p.post DESC, i.n DESC) FILTER (WHERE i.fields & 1 <> 0))[1], '')
			FROM ` + items + ` GROUP BY i.id)` + putFrom

	sqlDeleteRecords = `WITH gone AS (
		DELETE FROM storage_records WHERE uid = $1 AND collection = $2 AND id = ANY ($3::text[])
		RETURNING octet_length(payload) AS size
		) SELECT -count(*), -coalesce(sum(size), 0)::bigint FROM gone`
	sqlDeleteAllRecords = `DELETE FROM storage_records WHERE uid = $1 AND collection = $2`
	sqlDropExpired      = `WITH gone AS (
		DELETE FROM storage_records WHERE uid = $1 AND (collection, id) IN (
			SELECT collection, id FROM storage_records WHERE uid = $1 AND expires <= $2 LIMIT $3)
		RETURNING collection, octet_length(payload) AS size
		) SELECT collection, count(*), sum(size)::bigint FROM gone GROUP BY collection`

	sqlWipePosts       = `DELETE FROM storage_posts WHERE uid = $1`
	sqlWipeBatches     = `DELETE FROM storage_batches WHERE uid = $1`
	sqlWipeRecords     = `DELETE FROM storage_records WHERE uid = $1`
	sqlWipeCollections = `DELETE FROM storage_collections WHERE uid = $1`
	sqlForget          = `DELETE FROM storage_users WHERE uid = $1`
)

// The statements on batches.
const (
	sqlStartBatch = `INSERT INTO storage_batches (uid, number, token, collection, expires, posts, records, bytes)
		SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, 0, 0, 0 FROM storage_batches WHERE uid = $1`
	sqlBatch     = `SELECT number FROM storage_batches WHERE uid = $1 AND token = $2 AND collection = $3 AND expires > $4`
	sqlGrowBatch = `UPDATE storage_batches SET posts = posts + 1, records = records + $5, bytes = bytes + $6
		WHERE uid = $1 AND token = $2 AND collection = $3 AND expires > $4 RETURNING number, records, bytes`
	sqlPost = `INSERT INTO storage_posts (uid, batch, post, ids, fields, sortindexes, ttls, payloads)
		SELECT uid, number, posts, $5, $6, $7, $8, $9 FROM storage_batches
		WHERE uid = $1 AND token = $2 AND collection = $3 AND expires > $4`
	sqlBatchUsage = `SELECT coalesce(sum(bytes + $2 * records), 0)::bigint FROM storage_batches WHERE uid = $1 AND token = $3`
	sqlCountItems = `SELECT count(*), count(DISTINCT id) FROM storage_posts p, unnest(p.ids) AS id WHERE p.uid = $1 AND p.batch = $2`

	// Batches are dropped by one of these conditions, their posts first.
	numbered            = ` WHERE uid = $1 AND number = $2`
	tokened             = ` WHERE uid = $1 AND token = $2`
	collected           = ` WHERE uid = $1 AND collection = $2`
	expired             = ` WHERE uid = $1 AND expires <= $2`
	dropPosts           = `DELETE FROM storage_posts WHERE uid = $1 AND batch IN (SELECT number FROM storage_batches`
	dropBatches         = `DELETE FROM storage_batches`
	sqlDropBatchPosts   = dropPosts + numbered + `)`
	sqlDropBatch        = dropBatches + numbered
	sqlDropTokenPosts   = dropPosts + tokened + `)`
	sqlDropTokenBatch   = dropBatches + tokened
	sqlDropCollectPosts = dropPosts + collected + `)`
	sqlDropCollectBatch = dropBatches + collected
	sqlDropExpiredPosts = dropPosts + expired + `)`
	sqlDropExpiredBatch = dropBatches + expired
	// The batches that are too many, or that come after too many bytes, from the newest on.
	excess = `(SELECT number FROM (
		SELECT number, token, row_number() OVER newest AS n, sum(bytes + $2 * records) OVER newest AS total
		FROM storage_batches WHERE uid = $1
		WINDOW newest AS (ORDER BY token = $3 DESC, number DESC)) b WHERE token <> $3 AND (n > $4 OR total > $5::bigint))`
	sqlDropExcessPosts = `DELETE FROM storage_posts WHERE uid = $1 AND batch IN ` + excess
	sqlDropExcessBatch = `DELETE FROM storage_batches WHERE uid = $1 AND number IN ` + excess
)

// The statements of listings, which differ in their order. The parameters come in the order in
// which they stand there; see transaction.listing.
const (
	whatRecords = `SELECT id, modified, sortindex, payload FROM storage_records`
	whatIDs     = `SELECT id FROM storage_records`
	whatCount   = `SELECT count(*) FROM storage_records`
	fromRecords = `, id FROM storage_records`

	// weight stands for the sortindex. A record without one comes after all that the
	// wire allows. The index holds the same expression.
	weight = `coalesce(sortindex, -1000000000)`

	inNumber = ` WHERE uid = $1 AND collection = $2`
	inNamed  = ` WHERE uid = $1 AND collection = (SELECT number FROM storage_collections WHERE uid = $1 AND name = $2)`

	afterOldest = ` AND (modified, id) > ($3, $4) AND modified < $5 AND (expires IS NULL OR expires > $6)`
	afterNewest = ` AND (modified, id) < ($3, $4) AND modified > $5 AND (expires IS NULL OR expires > $6)`
	whereOldest = inNumber + afterOldest
	whereNewest = inNumber + afterNewest
	// The sums keep the planner from the index by time: it would sort what it finds there.
	whereWeight = ` WHERE uid = $1 AND collection = $2 AND (` + weight + `, id) < ($3, $4) AND modified + 0 > $5 AND modified + 0 < $7
		AND (expires IS NULL OR expires > $6)`
	ofIDs  = ` AND id = ANY ($7::text[])`
	ofIDs8 = ` AND id = ANY ($8::text[])`

	orderOldest = ` ORDER BY modified, id`
	orderNewest = ` ORDER BY modified DESC, id DESC`
	orderWeight = ` ORDER BY ` + weight + ` DESC, id DESC`

	// The last record of a page, and the one after it.
	last7 = ` LIMIT 2 OFFSET $7`
	last8 = ` LIMIT 2 OFFSET $8`
	last9 = ` LIMIT 2 OFFSET $9`
	some7 = ` LIMIT $7`
	some8 = ` LIMIT $8`
	some9 = ` LIMIT $9`

	sqlOldestOutline = `SELECT modified` + fromRecords + whereOldest + orderOldest + last7
	sqlOldestRecords = whatRecords + whereOldest + orderOldest + some7
	sqlOldestIDs     = whatIDs + whereOldest + orderOldest + some7
	sqlOldestCount   = whatCount + whereOldest

	sqlNewestOutline = `SELECT modified` + fromRecords + whereNewest + orderNewest + last7
	sqlNewestRecords = whatRecords + whereNewest + orderNewest + some7
	sqlNewestIDs     = whatIDs + whereNewest + orderNewest + some7
	sqlNewestCount   = whatCount + whereNewest

	sqlWeightOutline = `SELECT ` + weight + fromRecords + whereWeight + orderWeight + last8
	sqlWeightRecords = whatRecords + whereWeight + orderWeight + some8
	sqlWeightIDs     = whatIDs + whereWeight + orderWeight + some8
	sqlWeightCount   = whatCount + whereWeight

	// The collection's time as a row without an ID, and then the records: one statement sees one state.
	timeAnd       = `SELECT NULL, modified, NULL, NULL FROM storage_collections WHERE uid = $1 AND name = $2 UNION ALL (`
	sqlOldestList = timeAnd + whatRecords + inNamed + afterOldest + orderOldest + some7 + `)`
	sqlNewestList = timeAnd + whatRecords + inNamed + afterNewest + orderNewest + some7 + `)`

	// Of some IDs.
	sqlOldestOfList = timeAnd + whatRecords + inNamed + afterOldest + ofIDs + orderOldest + some8 + `)`
	sqlNewestOfList = timeAnd + whatRecords + inNamed + afterNewest + ofIDs + orderNewest + some8 + `)`

	sqlOldestOfOutline = `SELECT modified` + fromRecords + whereOldest + ofIDs + orderOldest + last8
	sqlOldestOfRecords = whatRecords + whereOldest + ofIDs + orderOldest + some8
	sqlOldestOfIDs     = whatIDs + whereOldest + ofIDs + orderOldest + some8
	sqlOldestOfCount   = whatCount + whereOldest + ofIDs

	sqlNewestOfOutline = `SELECT modified` + fromRecords + whereNewest + ofIDs + orderNewest + last8
	sqlNewestOfRecords = whatRecords + whereNewest + ofIDs + orderNewest + some8
	sqlNewestOfIDs     = whatIDs + whereNewest + ofIDs + orderNewest + some8
	sqlNewestOfCount   = whatCount + whereNewest + ofIDs

	sqlWeightOfOutline = `SELECT ` + weight + fromRecords + whereWeight + ofIDs8 + orderWeight + last9
	sqlWeightOfRecords = whatRecords + whereWeight + ofIDs8 + orderWeight + some9
	sqlWeightOfIDs     = whatIDs + whereWeight + ofIDs8 + orderWeight + some9
	sqlWeightOfCount   = whatCount + whereWeight + ofIDs8
)

// The statements of [Backend.RenewSyncIDs].
const (
	sqlMetaRecords = `SELECT id, payload FROM storage_records
		WHERE uid = $1 AND collection = $2 AND octet_length(payload) <= $3 LIMIT $4`
	sqlRenewRecord = `UPDATE storage_records SET payload = $4, modified = $5 WHERE uid = $1 AND collection = $2 AND id = $3`
)

// The statements of the operator, which may read all users.
const (
	sqlStates = `SELECT u.uid, u.modified, coalesce(sum(c.bytes), 0)::bigint
		FROM storage_users u LEFT JOIN storage_collections c ON c.uid = u.uid GROUP BY u.uid`
	sqlExpiring = `SELECT uid FROM storage_users u WHERE uid > $2 AND NOT fenced AND (
			EXISTS (SELECT FROM storage_records r WHERE r.uid = u.uid AND r.expires <= $1)
			OR EXISTS (SELECT FROM storage_batches b WHERE b.uid = u.uid AND b.expires <= $1))
		ORDER BY uid LIMIT $3`
	sqlBatchBytes = `SELECT coalesce(sum(bytes + $1 * records + $1), 0)::bigint FROM storage_batches`
	sqlProbe      = `SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean`
)

// The statements of copies.
const (
	sqlExport = `SELECT id, modified, sortindex, expires, payload FROM storage_records
		WHERE uid = $1 AND collection = $2 AND (expires IS NULL OR expires > $3) ORDER BY id`
	sqlImport = `WITH put AS (
		INSERT INTO storage_records AS r (uid, collection, id, modified, sortindex, expires, replaced, payload)
		SELECT $1, $2::integer, u.id, u.modified, u.sortindex, u.expires, -1, u.payload
		FROM unnest($3::text[], $4::bigint[], $5::integer[], $6::bigint[], $7::bytea[]) AS u (id, modified, sortindex, expires, payload)
		ON CONFLICT (uid, collection, id) DO UPDATE SET
			modified = excluded.modified, sortindex = excluded.sortindex, expires = excluded.expires, payload = excluded.payload,
			replaced = octet_length(r.payload)
		RETURNING replaced, octet_length(payload) AS size
		) SELECT count(*) FILTER (WHERE replaced < 0), coalesce(sum(size - greatest(replaced, 0)), 0)::bigint FROM put`
)
