-- Every key begins with the user, so that a user's rows are in one partition and a request
-- touches no other user's. All times are in hundredths of a second since 1970.

-- One row per user who ever wrote. It is locked by each step that writes, and outlives a wipe, so
-- that the last-modified time never goes back for a client. step identifies the last step: it tells a
-- writer that lost its connection during a commit whether the commit took effect.
CREATE TABLE storage_users (
    uid      bigint NOT NULL,
    modified bigint NOT NULL,
    step     bigint NOT NULL,
    PRIMARY KEY (uid)
) PARTITION BY HASH (uid);

-- records and bytes count the rows in storage_records, expired ones included.
CREATE TABLE storage_collections (
    uid      bigint  NOT NULL,
    number   integer NOT NULL,
    name     text COLLATE "C" NOT NULL,
    modified bigint  NOT NULL,
    records  bigint  NOT NULL,
    bytes    bigint  NOT NULL,
    PRIMARY KEY (uid, number),
    UNIQUE (uid, name)
) PARTITION BY HASH (uid);

-- replaced is written by each upsert, and read back by the same statement: the size of the payload
-- that was replaced, or a negative number for a new record. So the counters of the collection
-- are kept without reading a record before it is written.
CREATE TABLE storage_records (
    uid        bigint  NOT NULL,
    modified   bigint  NOT NULL,
    expires    bigint,
    collection integer NOT NULL,
    sortindex  integer,
    replaced   integer NOT NULL,
    id         text COLLATE "C" NOT NULL,
    payload    bytea   NOT NULL,
    PRIMARY KEY (uid, collection, id)
) PARTITION BY HASH (uid);
-- Payloads are encrypted: compressing them takes time and saves little.
ALTER TABLE storage_records ALTER COLUMN payload SET STORAGE EXTERNAL;

-- One index for each order of a listing, and one for what expires.
CREATE INDEX storage_records_by_time   ON storage_records (uid, collection, modified, id);
CREATE INDEX storage_records_by_weight ON storage_records (uid, collection, (coalesce(sortindex, -1000000000)), id);
CREATE INDEX storage_records_by_expiry ON storage_records (uid, expires) WHERE expires IS NOT NULL;

-- The batches that wait for their commit. Clients know them by token.
CREATE TABLE storage_batches (
    uid        bigint  NOT NULL,
    number     bigint  NOT NULL,
    expires    bigint  NOT NULL,
    posts      integer NOT NULL,
    records    bigint  NOT NULL,
    bytes      bigint  NOT NULL,
    token      text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    PRIMARY KEY (uid, number),
    UNIQUE (uid, token)
) PARTITION BY HASH (uid);

-- A post to a batch is one row: its changes as arrays of the same length. fields says which of
-- the last three a change has (see storage.Fields). A TTL is in seconds and begins with the commit.
CREATE TABLE storage_posts (
    uid         bigint  NOT NULL,
    batch       bigint  NOT NULL,
    post        integer NOT NULL,
    ids         text[] COLLATE "C" NOT NULL,
    fields      smallint[] NOT NULL,
    sortindexes integer[]  NOT NULL,
    ttls        bigint[]   NOT NULL,
    payloads    bytea[]    NOT NULL,
    PRIMARY KEY (uid, batch, post)
) PARTITION BY HASH (uid);
ALTER TABLE storage_posts ALTER COLUMN payloads SET STORAGE EXTERNAL;

DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['users', 'collections', 'records', 'batches', 'posts'] LOOP
        FOR i IN 0..15 LOOP
            EXECUTE format('CREATE TABLE storage_%s_%s PARTITION OF storage_%s FOR VALUES WITH (MODULUS 16, REMAINDER %s)',
                part, i, part, i);
        END LOOP;
    END LOOP;
END $$;
