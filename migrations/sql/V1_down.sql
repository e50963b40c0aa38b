DROP TABLE notifications, archived_deployments, deployments, files, project_members, projects, users;
DROP FUNCTION update_updated_at_column();
DROP TYPE deployment_status, project_status, visibility, user_role;

-- Only our own: an extension's or an operator's function stays.
DO $$
BEGIN
    IF obj_description(to_regprocedure(format('%I.uuid_generate_v4()', current_schema())), 'pg_proc')
        = 'vibecore V1, stands in for uuid-ossp'
    THEN
        DROP FUNCTION uuid_generate_v4();
    END IF;
END
$$;
