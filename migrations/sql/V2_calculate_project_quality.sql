-- The quality score in the database: the same integers as vibecore.domain.quality, model "quality-1".
-- docs/quality.md has every rule; tests/postgres/test_quality_function.py holds the two against each other.
-- Both functions keep the search path under which this file runs.

-- The counts that the formula takes, as one row: all zeros where there is nothing, for an unknown project too.
CREATE FUNCTION project_quality_inputs(p_project_id uuid)
RETURNS TABLE (
    reviewed_lines bigint,
    security_penalties bigint,
    security_worst integer,
    reliability_penalties bigint,
    reliability_worst integer,
    maintainability_penalties bigint,
    maintainability_worst integer,
    debt_minutes bigint,
    covered bigint,
    coverable bigint,
    passed bigint,
    failed bigint,
    deployments_succeeded bigint,
    deployments_failed bigint,
    deployments_rolled_back bigint,
    open_critical_security bigint
)
LANGUAGE sql
STABLE
SET search_path FROM CURRENT
AS $function$
    -- Descending throughout: the indexes end in (created_at, id) and are read backwards without a sort.
    WITH newest_reviews AS (
        SELECT DISTINCT ON (r.file_path, r.reviewer) r.file_path, r.line_count, r.issues
        FROM code_reviews AS r
        WHERE r.project_id = p_project_id
        ORDER BY r.file_path DESC, r.reviewer DESC, r.created_at DESC, r.id DESC
    ),
    reviewed_files AS (
        SELECT max(greatest(n.line_count, 0)) AS line_count
        FROM newest_reviews AS n
        GROUP BY n.file_path
    ),
    issues AS (
        SELECT
            CASE e.issue ->> 'category'
                WHEN 'security' THEN 'security'
                WHEN 'correctness' THEN 'reliability'
                WHEN 'performance' THEN 'reliability'
                ELSE 'maintainability'
            END AS component,
            CASE e.issue ->> 'severity'
                WHEN 'critical' THEN 4
                WHEN 'error' THEN 3
                WHEN 'info' THEN 1
                ELSE 2
            END AS severity,
            -- An integer in JSON is a number without a fraction as written: 5 is one, 5.0 is not.
            CASE WHEN jsonb_typeof(e.issue -> 'effort_minutes') = 'number'
                THEN (e.issue ->> 'effort_minutes')::numeric
            END AS effort
        FROM newest_reviews AS n
        CROSS JOIN LATERAL jsonb_array_elements(
            CASE jsonb_typeof(n.issues) WHEN 'array' THEN n.issues ELSE '[]'::jsonb END
        ) AS e (issue)
        WHERE jsonb_typeof(e.issue) = 'object'
            AND (e.issue -> 'suppressed') IS DISTINCT FROM 'true'::jsonb
    ),
    weighed AS (
        SELECT
            i.component,
            i.severity,
            (ARRAY[1, 5, 25, 100])[i.severity] AS penalty,
            CASE WHEN scale(i.effort) = 0 AND i.effort >= 0
                THEN least(i.effort, 1000000)::integer
                ELSE (ARRAY[2, 10, 30, 60])[i.severity]
            END AS minutes
        FROM issues AS i
    ),
    findings AS (
        SELECT
            coalesce(sum(w.penalty) FILTER (WHERE w.component = 'security'), 0) AS security_penalties,
            coalesce(max(w.severity) FILTER (WHERE w.component = 'security'), 0) AS security_worst,
            coalesce(sum(w.penalty) FILTER (WHERE w.component = 'reliability'), 0) AS reliability_penalties,
            coalesce(max(w.severity) FILTER (WHERE w.component = 'reliability'), 0) AS reliability_worst,
            coalesce(sum(w.penalty) FILTER (WHERE w.component = 'maintainability'), 0) AS maintainability_penalties,
            coalesce(max(w.severity) FILTER (WHERE w.component = 'maintainability'), 0) AS maintainability_worst,
            coalesce(sum(w.minutes) FILTER (WHERE w.component = 'maintainability'), 0) AS debt_minutes,
            count(*) FILTER (WHERE w.component = 'security' AND w.severity = 4) AS open_critical_security
        FROM weighed AS w
    ),
    newest_results AS (
        SELECT DISTINCT ON (t.file_path, t.test_type) t.file_path, t.passed, t.failed, t.covered, t.coverable
        FROM test_results AS t
        WHERE t.project_id = p_project_id
        ORDER BY t.file_path DESC, t.test_type DESC, t.created_at DESC, t.id DESC
    ),
    outcomes AS (
        SELECT
            coalesce(sum(greatest(n.passed, 0)), 0) AS passed,
            coalesce(sum(greatest(n.failed, 0)), 0) AS failed
        FROM newest_results AS n
    ),
    covered_files AS (
        SELECT max(greatest(least(n.covered, n.coverable), 0)) AS covered, max(n.coverable) AS coverable
        FROM newest_results AS n
        WHERE n.covered IS NOT NULL AND n.coverable > 0
        GROUP BY n.file_path
    ),
    delivery AS (
        SELECT
            count(*) FILTER (WHERE d.status IN ('running', 'stopped') AND d.live_at IS NOT NULL) AS succeeded,
            count(*) FILTER (WHERE d.status = 'failed') AS failed,
            count(*) FILTER (WHERE d.status = 'rolled_back') AS rolled_back
        FROM deployments AS d
        WHERE d.project_id = p_project_id
    )
    SELECT
        (SELECT coalesce(sum(r.line_count), 0) FROM reviewed_files AS r),
        f.security_penalties,
        f.security_worst,
        f.reliability_penalties,
        f.reliability_worst,
        f.maintainability_penalties,
        f.maintainability_worst,
        f.debt_minutes,
        (SELECT coalesce(sum(c.covered), 0) FROM covered_files AS c),
        (SELECT coalesce(sum(c.coverable), 0) FROM covered_files AS c),
        o.passed,
        o.failed,
        d.succeeded,
        d.failed,
        d.rolled_back,
        f.open_critical_security
    FROM findings AS f
    CROSS JOIN outcomes AS o
    CROSS JOIN delivery AS d
$function$;

-- Computes the score, stores it in the project and returns it; NULL where nothing was measured.
-- An unknown project is an error (SQLSTATE P0002).
CREATE FUNCTION calculate_project_quality(p_project_id uuid)
RETURNS numeric(5, 2)
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
    v_in record;
    v_lines numeric;
    v_ratio numeric;
    v_caps constant integer[] := ARRAY[10000, 10000, 9500, 7000, 4000];
    v_points numeric;
    v_weight numeric;
    v_score numeric;
BEGIN
    -- Locked before anything is read: of two calls at once, the later one stores what it saw last.
    PERFORM 1 FROM projects AS p WHERE p.id = p_project_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'P0002',
            MESSAGE = 'no such project: ' || coalesce(p_project_id::text, 'NULL');
    END IF;

    SELECT q.* INTO STRICT v_in FROM project_quality_inputs(p_project_id) AS q;
    v_lines := greatest(v_in.reviewed_lines, 500);
    v_ratio := least(div(2 * 10000::numeric * v_in.debt_minutes + 30 * v_lines, 2 * 30 * v_lines), 10000);

    -- One row for each component: numerator and denominator of its value, and the most it may reach. Every value is
    -- (2n + d) div 2d in numeric, which rounds half up and cannot overflow; d = 0 means that it was not measured.
    SELECT
        sum(c.weight * least(div(2 * c.n + c.d, 2 * nullif(c.d, 0)), c.most)),
        sum(c.weight)
    INTO v_points, v_weight
    FROM (
        SELECT 20, 10000 * 20 * v_lines, 20 * v_lines + 1000::numeric * v_in.security_penalties,
            v_caps[1 + v_in.security_worst]
        WHERE v_in.reviewed_lines > 0
        UNION ALL
        SELECT 20, 10000 * 40 * v_lines, 40 * v_lines + 1000::numeric * v_in.reliability_penalties,
            v_caps[1 + v_in.reliability_worst]
        WHERE v_in.reviewed_lines > 0
        UNION ALL
        SELECT 20, curve.high * (curve.upto - v_ratio) + curve.low * (v_ratio - curve.beyond), curve.upto - curve.beyond,
            v_caps[1 + v_in.maintainability_worst]
        FROM (
            VALUES
                (0, 500, 10000, 8000),
                (500, 1000, 8000, 6000),
                (1000, 2000, 6000, 4000),
                (2000, 5000, 4000, 2000),
                (5000, 10000, 2000, 0)
        ) AS curve (beyond, upto, high, low)
        WHERE v_in.reviewed_lines > 0
            AND v_ratio <= curve.upto
            AND (v_ratio > curve.beyond OR curve.beyond = 0)
        UNION ALL
        SELECT 15, 10000::numeric * v_in.covered, v_in.coverable, 10000
        UNION ALL
        SELECT 15, 10000::numeric * v_in.passed, v_in.passed + v_in.failed, 10000
        UNION ALL
        SELECT 10, 10000::numeric * v_in.deployments_succeeded,
            v_in.deployments_succeeded + v_in.deployments_failed + v_in.deployments_rolled_back, 10000
    ) AS c (weight, n, d, most)
    WHERE c.d > 0;

    IF v_weight > 0 THEN
        v_score := div(2 * v_points + v_weight, 2 * v_weight);
        IF v_in.open_critical_security > 0 THEN
            v_score := least(v_score, 4999);
        END IF;
        v_score := v_score * 0.01;
    END IF;

    UPDATE projects AS p
    SET quality_score = v_score,
        updated_at = greatest(now(), p.updated_at + interval '1 microsecond')
    WHERE p.id = p_project_id;
    RETURN v_score;
END
$function$;
