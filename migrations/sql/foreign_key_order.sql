-- PostgreSQL checks the foreign keys of a row in the order of their triggers' names, which are text and end in an
-- object id: one made at ...99999 is checked after one made at 1...00000. Where a table's keys straddle such a step,
-- this makes them again, behind it, so that the first one declared is the first one reported.
DO $$
DECLARE
    straddling regclass;
    foreign_key record;
BEGIN
    FOR straddling IN
        SELECT DISTINCT relation::regclass
        FROM (
            SELECT
                c.conrelid AS relation,
                row_number() OVER (PARTITION BY c.conrelid, t.tgtype ORDER BY c.oid) AS made,
                row_number() OVER (PARTITION BY c.conrelid, t.tgtype ORDER BY t.tgname COLLATE "C") AS checked
            FROM pg_constraint c
                JOIN pg_trigger t ON t.tgconstraint = c.oid AND t.tgrelid = c.conrelid
            WHERE c.contype = 'f'
                AND c.connamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
                AND t.tgname LIKE 'RI@_ConstraintTrigger@_c@_%' ESCAPE '@'
        ) place
        WHERE made <> checked
    LOOP
        FOR foreign_key IN
            SELECT conname AS name, pg_get_constraintdef(oid) AS definition
            FROM pg_constraint
            WHERE conrelid = straddling AND contype = 'f'
            ORDER BY oid
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', straddling, foreign_key.name);
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', straddling, foreign_key.name, foreign_key.definition);
        END LOOP;
    END LOOP;
END
$$;
