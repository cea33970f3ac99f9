-- Queries of runtime/audit.py.

-- name: add_leaves(applications, acts, bodies)!
INSERT INTO audit_leaf (application, act, body)
SELECT * FROM unnest(:applications::text[], :acts::text[], :bodies::text[]);

-- name: take_turn(lock)^
-- `horizon`: every transaction below it has ended by now.
SELECT
    pg_try_advisory_xact_lock(:lock) AS ours,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon;

-- name: unordered(since, most)
-- Committed leaves without a place. Every leaf of a transaction below `since` has one.
SELECT leaf.id, leaf.body
FROM audit_leaf AS leaf
WHERE leaf.xid >= :since
    AND NOT EXISTS (SELECT FROM audit_order AS placed WHERE placed.leaf_id = leaf.id)
ORDER BY leaf.xid, leaf.id
LIMIT :most;

-- name: count_unordered()$
SELECT count(*)
FROM audit_leaf AS leaf
WHERE NOT EXISTS (SELECT FROM audit_order AS placed WHERE placed.leaf_id = leaf.id);

-- name: last_checkpoint()^
SELECT tree_size, note, peaks FROM audit_checkpoint ORDER BY tree_size DESC LIMIT 1;

-- name: place(first, leaves, hashes)!
INSERT INTO audit_order (position, leaf_id, hash)
SELECT :first::bigint + given.number - 1, given.leaf, given.hash
FROM unnest(:leaves::bigint[], :hashes::bytea[]) WITH ORDINALITY AS given (leaf, hash, number);

-- name: add_nodes(levels, indexes, hashes)!
INSERT INTO audit_node (level, index, hash)
SELECT * FROM unnest(:levels::smallint[], :indexes::bigint[], :hashes::bytea[]);

-- name: add_checkpoint(tree_size, note, peaks)!
INSERT INTO audit_checkpoint (tree_size, note, peaks) VALUES (:tree_size, :note, :peaks);

-- name: leaf_hashes(firsts, ends)
SELECT placed.position AS index, placed.hash
FROM unnest(:firsts::bigint[], :ends::bigint[]) AS wanted (first, past)
JOIN audit_order AS placed ON placed.position >= wanted.first AND placed.position < wanted.past;

-- name: node_hashes(level, firsts, ends)
SELECT node.index, node.hash
FROM unnest(:firsts::bigint[], :ends::bigint[]) AS wanted (first, past)
JOIN audit_node AS node
    ON node.level = :level AND node.index >= wanted.first AND node.index < wanted.past;

-- name: leaf_of(application, act)^
-- The first leaf of one act of one application, with its place and the newest checkpoint.
SELECT placed.position, leaf.body, head.tree_size, head.note
FROM audit_leaf AS leaf
JOIN audit_order AS placed ON placed.leaf_id = leaf.id
CROSS JOIN (
    SELECT tree_size, note FROM audit_checkpoint ORDER BY tree_size DESC LIMIT 1
) AS head
WHERE leaf.application = :application AND leaf.act = :act
ORDER BY leaf.id
LIMIT 1;

-- name: in_order()
SELECT placed.position, placed.hash, leaf.body
FROM audit_order AS placed
LEFT JOIN audit_leaf AS leaf ON leaf.id = placed.leaf_id
ORDER BY placed.position;

-- name: checkpoints()
SELECT tree_size, note FROM audit_checkpoint ORDER BY tree_size;

-- name: nodes()
SELECT level, index, hash FROM audit_node;
