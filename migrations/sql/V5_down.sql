DROP TABLE deployment_log_lines, deployment_logs;

-- Moves finished deployments that ended more than `days` times 24 hours before `as_of` to archived_deployments and
-- returns how many. docs/schema.md states the rule in full; the memory backend follows the same words.
CREATE OR REPLACE FUNCTION archive_old_records(days integer, as_of timestamptz DEFAULT now()) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    cutoff timestamptz;
    archived integer;
BEGIN
    IF days IS NULL OR days < 0 OR as_of IS NULL OR NOT isfinite(as_of) THEN
        RAISE EXCEPTION 'days must be 0 or more and as_of a moment' USING ERRCODE = '22023';
    END IF;
    cutoff := as_of - least(days, 1000000) * interval '24 hours';
    -- NOT IN, because it is hashed whatever the estimates say; an anti join was a nested loop over all candidates.
    WITH RECURSIVE once_live AS (
        SELECT id, row_number() OVER (PARTITION BY project_id, environment ORDER BY live_at DESC, id DESC) AS place
        FROM deployments
        WHERE live_at IS NOT NULL
    ), candidate AS (
        SELECT d.id, d.project_id
        FROM deployments d LEFT JOIN once_live o ON o.id = d.id
        WHERE d.status IN ('failed', 'stopped', 'rolled_back')
            AND coalesce(d.completed_at, d.updated_at) < cutoff
            AND (o.place IS NULL OR o.place > 2)
    ), link AS (
        SELECT project_id, id AS source, retry_of AS target FROM deployments WHERE retry_of IS NOT NULL
        UNION ALL
        SELECT project_id, id, rollback_of FROM deployments WHERE rollback_of IS NOT NULL
    ), needed AS (
        SELECT c.id
        FROM link l JOIN candidate c ON c.id = l.target AND c.project_id = l.project_id
        WHERE l.source NOT IN (SELECT id FROM candidate)
        UNION
        SELECT c.id
        FROM needed n
            JOIN link l ON l.source = n.id
            JOIN candidate c ON c.id = l.target AND c.project_id = l.project_id
    ), gone AS (
        DELETE FROM deployments d
        USING candidate c
        WHERE d.id = c.id AND c.id NOT IN (SELECT id FROM needed)
        RETURNING d.*
    )
    INSERT INTO archived_deployments (
        id, project_id, environment, status, version, container_id, container_port, deployment_url, config, logs,
        metrics, started_at, live_at, completed_at, retry_of, rollback_of, reason, archived_at, created_at, updated_at
    )
    SELECT
        id, project_id, environment, status, version, container_id, container_port, deployment_url, config, logs,
        metrics, started_at, live_at, completed_at, retry_of, rollback_of, reason, as_of, created_at, updated_at
    FROM gone
    ORDER BY created_at, id;
    GET DIAGNOSTICS archived = ROW_COUNT;
    RETURN archived;
END
$$;
