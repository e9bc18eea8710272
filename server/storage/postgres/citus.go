package postgres

import "strings"

// distribution spreads the tables by user. Tables that are spread alike have a user's rows on one machine.
const distribution = `SELECT create_distributed_table('storage_users', 'uid', colocate_with := 'none');
SELECT create_distributed_table(t, 'uid', colocate_with := 'storage_users')
	FROM unnest(ARRAY['storage_collections', 'storage_records', 'storage_batches', 'storage_posts']) AS t;`

// distributed returns the text that makes the tables, for Citus: it makes the parts itself, on its machines.
func distributed(start string) string {
	tables, _, _ := strings.Cut(start, "DO $$")
	return strings.ReplaceAll(tables, ") PARTITION BY HASH (uid);", ");") + distribution
}
