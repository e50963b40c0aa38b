-- Every function resolves names in this schema alone, whatever the caller's search path; the comment lets
-- `vibecore check` see that a body was replaced.
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOREACH function IN ARRAY ARRAY[
        'archive_old_records(integer, timestamptz)'
    ]::regprocedure[] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path FROM CURRENT', function);
        EXECUTE format(
            'COMMENT ON FUNCTION %s IS %L',
            function, 'vibecore V5, body ' || (SELECT md5(prosrc) FROM pg_proc WHERE oid = function)
        );
    END LOOP;
END
$$;
