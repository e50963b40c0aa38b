-- The views for dashboards. docs/analytics.md explains every column; vibecore.domain.analytics holds the same
-- definitions in Python. Days are UTC days, and `div` rounds half up without a float:
-- n / d = div(2 * n + d, 2 * d).

-- When the materialized views were last refreshed. Its row is also the lock that lets one refresh run at a time.
-- A local table: on several nodes it stays on the coordinator, where the materialized views are.
CREATE TABLE analytics_refreshes (
    name VARCHAR(50) COLLATE "C" NOT NULL,
    refreshed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_analytics_refreshes PRIMARY KEY (name)
);
CREATE INDEX idx_analytics_refreshes_updated ON analytics_refreshes (updated_at);

CREATE VIEW v_recent_activity AS
SELECT
    e.id,
    e.created_at,
    e.user_id,
    u.name AS user_name,
    e.action,
    e.resource_type,
    e.resource_id,
    e.project_id,
    p.name AS project_name
FROM audit_logs e
    LEFT JOIN users u ON u.id = e.user_id
    LEFT JOIN projects p ON p.id = e.project_id;

CREATE VIEW v_project_file_stats AS
SELECT
    p.id AS project_id,
    p.name AS project_name,
    coalesce(f.files, 0) AS files,
    coalesce(f.folders, 0) AS folders,
    coalesce(f.lines, 0) AS lines,
    coalesce(f.size_bytes, 0) AS size_bytes,
    coalesce(f.languages, 0) AS languages,
    f.largest_path,
    f.largest_bytes,
    f.changed_at,
    coalesce(f.by_language, '[]'::jsonb) AS by_language
FROM projects p
    LEFT JOIN (
        SELECT
            l.project_id,
            coalesce(sum(l.entries) FILTER (WHERE l.type = 'file'), 0)::bigint AS files,
            coalesce(sum(l.entries) FILTER (WHERE l.type = 'folder'), 0)::bigint AS folders,
            coalesce(sum(l.lines) FILTER (WHERE l.type = 'file'), 0)::bigint AS lines,
            coalesce(sum(l.size_bytes) FILTER (WHERE l.type = 'file'), 0)::bigint AS size_bytes,
            count(l.language) FILTER (WHERE l.type = 'file') AS languages,
            (
                array_agg(l.largest_path ORDER BY l.largest_bytes DESC, l.largest_path COLLATE "C")
                FILTER (WHERE l.type = 'file')
            )[1] AS largest_path,
            max(l.largest_bytes) FILTER (WHERE l.type = 'file') AS largest_bytes,
            max(l.changed_at) AS changed_at,
            jsonb_agg(
                jsonb_build_object(
                    'language', l.language, 'files', l.entries, 'lines', l.lines, 'size_bytes', l.size_bytes
                )
                ORDER BY l.lines DESC, l.entries DESC, l.language COLLATE "C" NULLS LAST
            ) FILTER (WHERE l.type = 'file') AS by_language
        FROM (
            SELECT
                project_id,
                type,
                language,
                count(*) AS entries,
                sum(line_count) AS lines,
                sum(size_bytes) AS size_bytes,
                (array_agg(path ORDER BY size_bytes DESC, path COLLATE "C"))[1] AS largest_path,
                max(size_bytes) AS largest_bytes,
                max(updated_at) AS changed_at
            FROM files
            GROUP BY project_id, type, language
        ) l
        GROUP BY l.project_id
    ) f ON f.project_id = p.id;

-- NOT MATERIALIZED, so that a condition on the project reaches every branch.
CREATE VIEW v_deployment_success_rate AS
WITH deployment AS NOT MATERIALIZED (
    SELECT
        id, project_id, environment, status, version, started_at, live_at, completed_at, rollback_of, created_at,
        false AS archived
    FROM deployments
    UNION ALL
    SELECT
        id, project_id, environment, status, version, started_at, live_at, completed_at, rollback_of, created_at,
        true
    FROM archived_deployments
), counted AS (
    SELECT
        project_id,
        environment,
        count(*) AS total,
        count(*) FILTER (WHERE live_at IS NOT NULL AND status IN ('running', 'stopped')) AS succeeded,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'rolled_back') AS rolled_back,
        count(*) FILTER (WHERE live_at IS NULL AND status = 'stopped') AS cancelled,
        count(*) FILTER (WHERE started_at <= coalesce(live_at, completed_at)) AS timed,
        sum(extract(epoch FROM coalesce(live_at, completed_at)) - extract(epoch FROM started_at))
            FILTER (WHERE started_at <= coalesce(live_at, completed_at)) AS seconds,
        count(live_at) AS went_live,
        (max(live_at) AT TIME ZONE 'UTC')::date - (min(live_at) AT TIME ZONE 'UTC')::date + 1 AS live_days,
        count(*) FILTER (WHERE created_at <= live_at) AS led,
        sum(extract(epoch FROM live_at) - extract(epoch FROM created_at))
            FILTER (WHERE created_at <= live_at) AS lead_seconds,
        count(live_at) FILTER (WHERE status IN ('failed', 'rolled_back')) AS live_failures,
        min(live_at) AS first_live_at,
        max(live_at) AS last_live_at,
        max(created_at) AS last_deployed_at,
        (array_agg(status ORDER BY created_at DESC, id DESC, archived))[1] AS last_status,
        (array_agg(version ORDER BY created_at DESC, id DESC, archived))[1] AS last_version
    FROM deployment
    GROUP BY project_id, environment
), rollback AS (
    SELECT project_id, rollback_of, min(created_at) AS requested_at
    FROM deployment
    WHERE rollback_of IS NOT NULL
    GROUP BY project_id, rollback_of
), moment AS (
    SELECT project_id, environment, false AS broken, live_at AS at
    FROM deployment
    WHERE live_at IS NOT NULL
    UNION ALL
    SELECT d.project_id, d.environment, true, least(d.completed_at, r.requested_at)
    FROM deployment d LEFT JOIN rollback r ON r.project_id = d.project_id AND r.rollback_of = d.id
    WHERE d.status IN ('failed', 'rolled_back') AND least(d.completed_at, r.requested_at) > d.live_at
), outage AS (
    SELECT
        project_id,
        environment,
        broken,
        at,
        min(at) FILTER (WHERE NOT broken)
            OVER (PARTITION BY project_id, environment ORDER BY at DESC RANGE UNBOUNDED PRECEDING) AS restored_at
    FROM moment
), restored AS (
    SELECT
        project_id,
        environment,
        count(*) AS restored,
        sum(extract(epoch FROM restored_at) - extract(epoch FROM at)) AS seconds
    FROM outage
    WHERE broken AND restored_at IS NOT NULL
    GROUP BY project_id, environment
)
SELECT
    c.project_id,
    p.name AS project_name,
    c.environment,
    c.total,
    c.succeeded,
    c.failed,
    c.rolled_back,
    c.cancelled,
    c.total - c.succeeded - c.failed - c.rolled_back - c.cancelled AS unfinished,
    (
        div(
            20000::numeric * c.succeeded + (c.succeeded + c.failed + c.rolled_back),
            nullif(2::numeric * (c.succeeded + c.failed + c.rolled_back), 0)
        ) * 0.01
    )::numeric(5,2) AS success_rate,
    div(2000 * c.seconds + c.timed, nullif(2::numeric * c.timed, 0)) * 0.001 AS mean_duration_seconds,
    c.went_live,
    div(200::numeric * c.went_live + c.live_days, 2::numeric * c.live_days) * 0.01 AS live_per_day,
    div(2000 * c.lead_seconds + c.led, nullif(2::numeric * c.led, 0)) * 0.001 AS mean_lead_seconds,
    (
        div(20000::numeric * c.live_failures + c.went_live, nullif(2::numeric * c.went_live, 0)) * 0.01
    )::numeric(5,2) AS change_failure_rate,
    coalesce(r.restored, 0) AS restored,
    div(2000 * r.seconds + r.restored, 2::numeric * r.restored) * 0.001 AS mean_restore_seconds,
    c.first_live_at,
    c.last_live_at,
    c.last_deployed_at,
    c.last_status,
    c.last_version
FROM counted c
    JOIN projects p ON p.id = c.project_id
    LEFT JOIN restored r ON r.project_id = c.project_id AND r.environment = c.environment;

-- Each materialized view joins the row of analytics_refreshes: it is empty until the first refresh.
CREATE MATERIALIZED VIEW mv_daily_project_stats AS
WITH deployment_day AS (
    SELECT
        project_id,
        (created_at AT TIME ZONE 'UTC')::date AS day,
        count(*) AS deployments,
        count(*) FILTER (WHERE live_at IS NOT NULL AND status IN ('running', 'stopped')) AS succeeded,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'rolled_back') AS rolled_back
    FROM (
        SELECT project_id, created_at, live_at, status FROM deployments
        UNION ALL
        SELECT project_id, created_at, live_at, status FROM archived_deployments
    ) deployment
    GROUP BY 1, 2
), review_day AS (
    SELECT
        project_id,
        (created_at AT TIME ZONE 'UTC')::date AS day,
        count(*) AS reviews,
        sum(CASE jsonb_typeof(issues) WHEN 'array' THEN jsonb_array_length(issues) ELSE 0 END) AS issues,
        sum(score) AS points
    FROM code_reviews
    GROUP BY 1, 2
), file_day AS (
    SELECT project_id, (updated_at AT TIME ZONE 'UTC')::date AS day, count(*) AS files_changed
    FROM files
    WHERE type = 'file'
    GROUP BY 1, 2
), test_day AS (
    SELECT
        project_id,
        (created_at AT TIME ZONE 'UTC')::date AS day,
        sum(passed) AS tests_passed,
        sum(failed) AS tests_failed
    FROM test_results
    GROUP BY 1, 2
), score_day AS (
    SELECT
        project_id,
        (created_at AT TIME ZONE 'UTC')::date AS day,
        (array_agg(score ORDER BY created_at DESC, id DESC))[1] AS quality_score
    FROM quality_scores
    GROUP BY 1, 2
), event_day AS (
    SELECT
        project_id,
        (created_at AT TIME ZONE 'UTC')::date AS day,
        count(*) AS events,
        count(DISTINCT user_id) AS active_users
    FROM audit_logs
    WHERE project_id IS NOT NULL
    GROUP BY 1, 2
)
SELECT
    project_id,
    day,
    coalesce(d.deployments, 0) AS deployments,
    coalesce(d.succeeded, 0) AS deployments_succeeded,
    coalesce(d.failed, 0) AS deployments_failed,
    coalesce(d.rolled_back, 0) AS deployments_rolled_back,
    coalesce(r.reviews, 0) AS reviews,
    coalesce(r.issues, 0) AS issues,
    (div(200::numeric * r.points + r.reviews, 2::numeric * r.reviews) * 0.01)::numeric(5,2) AS mean_review_score,
    coalesce(f.files_changed, 0) AS files_changed,
    coalesce(t.tests_passed, 0) AS tests_passed,
    coalesce(t.tests_failed, 0) AS tests_failed,
    s.quality_score,
    coalesce(e.events, 0) AS events,
    coalesce(e.active_users, 0) AS active_users,
    a.refreshed_at AS as_of
FROM deployment_day d
    FULL JOIN review_day r USING (project_id, day)
    FULL JOIN file_day f USING (project_id, day)
    FULL JOIN test_day t USING (project_id, day)
    FULL JOIN score_day s USING (project_id, day)
    FULL JOIN event_day e USING (project_id, day)
    JOIN projects p ON p.id = project_id
    JOIN analytics_refreshes a ON a.name = 'analytics';
CREATE UNIQUE INDEX uq_mv_daily_project_stats ON mv_daily_project_stats (project_id, day);
CREATE INDEX idx_mv_daily_project_stats_day ON mv_daily_project_stats (day, project_id);

CREATE MATERIALIZED VIEW mv_user_activity AS
WITH event AS (
    SELECT
        user_id,
        count(*) AS events,
        count(DISTINCT (created_at AT TIME ZONE 'UTC')::date) AS active_days,
        count(DISTINCT project_id) AS projects_touched,
        min(created_at) AS first_active_at,
        max(created_at) AS last_active_at
    FROM audit_logs
    WHERE user_id IS NOT NULL
    GROUP BY user_id
), owner AS (
    SELECT owner_id AS user_id, count(*) AS projects FROM projects GROUP BY owner_id
), member AS (
    SELECT user_id, count(*) AS projects FROM project_members GROUP BY user_id
), activity AS (
    SELECT
        u.id AS user_id,
        u.name AS user_name,
        u.role,
        coalesce(o.projects, 0) AS projects_owned,
        coalesce(m.projects, 0) AS projects_joined,
        coalesce(e.events, 0) AS events,
        coalesce(e.active_days, 0) AS active_days,
        coalesce(e.projects_touched, 0) AS projects_touched,
        e.first_active_at,
        e.last_active_at
    FROM users u
        LEFT JOIN event e ON e.user_id = u.id
        LEFT JOIN owner o ON o.user_id = u.id
        LEFT JOIN member m ON m.user_id = u.id
)
SELECT
    v.*,
    rank() OVER (ORDER BY v.events DESC, v.active_days DESC, v.last_active_at DESC NULLS LAST) AS rank,
    a.refreshed_at AS as_of
FROM activity v JOIN analytics_refreshes a ON a.name = 'analytics';
CREATE UNIQUE INDEX uq_mv_user_activity ON mv_user_activity (user_id);
CREATE INDEX idx_mv_user_activity_rank ON mv_user_activity (rank, user_id);

CREATE MATERIALIZED VIEW mv_system_health AS
SELECT
    u.users,
    u.users_disabled,
    (SELECT count(*) FROM sessions s WHERE s.expires_at > a.refreshed_at) AS sessions_active,
    (
        SELECT count(*) FROM api_keys k WHERE k.expires_at IS NULL OR k.expires_at > a.refreshed_at
    ) AS api_keys_active,
    p.projects,
    p.projects_planning,
    p.projects_in_progress,
    p.projects_review,
    p.projects_deployed,
    p.projects_archived,
    f.files,
    f.lines,
    f.size_bytes,
    d.deployments,
    d.deployments_in_flight,
    d.deployments_running,
    d.deployments_failed,
    (SELECT count(*) FROM archived_deployments) AS deployments_archived,
    (SELECT count(*) FROM code_reviews) AS reviews,
    x.executions_running,
    x.executions_waiting,
    (SELECT count(*) FROM notifications n WHERE n.read_at IS NULL) AS notifications_unread,
    p.mean_quality_score,
    e.events,
    e.last_event_at,
    a.refreshed_at AS as_of
FROM analytics_refreshes a
    CROSS JOIN (
        SELECT count(*) AS users, count(disabled_at) AS users_disabled FROM users
    ) u
    CROSS JOIN (
        SELECT
            count(*) AS projects,
            count(*) FILTER (WHERE status = 'planning') AS projects_planning,
            count(*) FILTER (WHERE status = 'in_progress') AS projects_in_progress,
            count(*) FILTER (WHERE status = 'review') AS projects_review,
            count(*) FILTER (WHERE status = 'deployed') AS projects_deployed,
            count(*) FILTER (WHERE status = 'archived') AS projects_archived,
            (
                div(200 * sum(quality_score) + count(quality_score), nullif(2::numeric * count(quality_score), 0))
                * 0.01
            )::numeric(5,2) AS mean_quality_score
        FROM projects
    ) p
    CROSS JOIN (
        SELECT
            count(*) AS files,
            coalesce(sum(line_count), 0) AS lines,
            coalesce(sum(size_bytes), 0) AS size_bytes
        FROM files
        WHERE type = 'file'
    ) f
    CROSS JOIN (
        SELECT
            count(*) AS deployments,
            count(*) FILTER (WHERE status IN ('pending', 'building')) AS deployments_in_flight,
            count(*) FILTER (WHERE status = 'running') AS deployments_running,
            count(*) FILTER (WHERE status = 'failed') AS deployments_failed
        FROM deployments
    ) d
    CROSS JOIN (
        SELECT
            count(*) FILTER (WHERE status = 'running') AS executions_running,
            count(*) FILTER (WHERE status IN ('queued', 'blocked')) AS executions_waiting
        FROM cicd_executions
    ) x
    CROSS JOIN (
        SELECT count(*) AS events, max(created_at) AS last_event_at FROM audit_logs
    ) e
WHERE a.name = 'analytics';
CREATE UNIQUE INDEX uq_mv_system_health ON mv_system_health (as_of);

-- Brings the materialized views to the state that the calling transaction sees; readers go on meanwhile. A second call
-- waits for the first to end. SELECT refresh_analytics();
CREATE FUNCTION refresh_analytics(
    p_as_of timestamptz DEFAULT now(),
    OUT as_of timestamptz,
    OUT daily_rows bigint,
    OUT user_rows bigint
)
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO analytics_refreshes AS a (name, refreshed_at, created_at, updated_at)
    VALUES ('analytics', p_as_of, p_as_of, p_as_of)
    ON CONFLICT ON CONSTRAINT pk_analytics_refreshes
        DO UPDATE SET refreshed_at = excluded.refreshed_at, updated_at = excluded.updated_at;
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_daily_project_stats;
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_user_activity;
    REFRESH MATERIALIZED VIEW CONCURRENTLY mv_system_health;
    as_of := p_as_of;
    daily_rows := (SELECT count(*) FROM mv_daily_project_stats);
    user_rows := (SELECT count(*) FROM mv_user_activity);
END
$$;
DO $$
BEGIN
    ALTER FUNCTION refresh_analytics(timestamptz) SET search_path FROM CURRENT;
    EXECUTE format(
        'COMMENT ON FUNCTION refresh_analytics(timestamptz) IS %L',
        'vibecore V3, body ' || (
            SELECT md5(prosrc) FROM pg_proc WHERE oid = 'refresh_analytics(timestamptz)'::regprocedure
        )
    );
END
$$;
