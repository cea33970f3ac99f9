-- name: add_photo(session, department, media_type, sha256, content, actor, at)$
-- A photo that is there already is not stored again.
INSERT INTO session_photo (session_id, department, media_type, sha256, content, added_by, added_at)
VALUES (:session::bigint, :department::text, :media_type::text, :sha256::text, :content::bytea,
    :actor::text, :at::timestamptz)
ON CONFLICT (session_id, sha256) DO NOTHING
RETURNING id;

-- name: photos_of(session)
SELECT id, department, media_type, sha256, added_by, added_at
FROM session_photo
WHERE session_id = :session::bigint
ORDER BY id;

-- name: read_photo(session, photo)^
SELECT media_type, content FROM session_photo
WHERE session_id = :session::bigint AND id = :photo::bigint;
