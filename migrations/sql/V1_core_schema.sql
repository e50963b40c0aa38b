-- V1: initial schema with core tables.

-- The name that the uuid-ossp extension gives it, without the extension, which needs a privilege and is not
-- everywhere. An installed one is used as it is.
DO $$
BEGIN
    IF to_regprocedure('uuid_generate_v4()') IS NULL THEN
        CREATE FUNCTION uuid_generate_v4() RETURNS uuid
        LANGUAGE sql VOLATILE PARALLEL SAFE
        AS 'SELECT pg_catalog.gen_random_uuid()';
        COMMENT ON FUNCTION uuid_generate_v4() IS 'vibecore V1, stands in for uuid-ossp';
    END IF;
END
$$;

CREATE TYPE user_role AS ENUM ('admin', 'developer', 'viewer');
CREATE TYPE visibility AS ENUM ('private', 'team', 'public');
CREATE TYPE project_status AS ENUM ('planning', 'in_progress', 'review', 'deployed', 'archived');
CREATE TYPE deployment_status AS ENUM ('pending', 'building', 'running', 'failed', 'stopped', 'rolled_back');

CREATE TABLE users (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    email VARCHAR(255) COLLATE "C" NOT NULL,
    email_key VARCHAR(1000) COLLATE "C" NOT NULL,
    password_hash VARCHAR(255) COLLATE "C" NOT NULL,
    name VARCHAR(255) COLLATE "C" NOT NULL,
    avatar_url VARCHAR(500) COLLATE "C",
    role user_role DEFAULT 'developer' NOT NULL,
    subscription_tier VARCHAR(50) COLLATE "C" DEFAULT 'free' NOT NULL,
    email_verified BOOLEAN DEFAULT false NOT NULL,
    two_factor_enabled BOOLEAN DEFAULT false NOT NULL,
    two_factor_secret VARCHAR(255) COLLATE "C",
    last_login_at TIMESTAMP WITH TIME ZONE,
    disabled_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT idx_users_email UNIQUE (email),
    CONSTRAINT uq_users_email_key UNIQUE (email_key),
    CONSTRAINT ck_users_subscription_tier CHECK (subscription_tier IN ('free', 'pro', 'enterprise'))
);
CREATE INDEX idx_users_role ON users (role);
CREATE INDEX idx_users_updated ON users (updated_at);

CREATE TABLE projects (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    name VARCHAR(255) COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    owner_id UUID NOT NULL,
    visibility visibility DEFAULT 'private' NOT NULL,
    status project_status DEFAULT 'planning' NOT NULL,
    tech_stack JSONB DEFAULT '{}' NOT NULL,
    architecture JSONB DEFAULT '{}' NOT NULL,
    repository_url VARCHAR(500) COLLATE "C",
    deployed_url VARCHAR(500) COLLATE "C",
    current_version VARCHAR(100) COLLATE "C",
    quality_score NUMERIC(5,2),
    file_count INTEGER DEFAULT 0 NOT NULL,
    total_lines INTEGER DEFAULT 0 NOT NULL,
    archived_from project_status,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_projects PRIMARY KEY (id),
    CONSTRAINT fk_projects_owner FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX idx_projects_owner ON projects (owner_id);
CREATE INDEX idx_projects_status ON projects (status);
CREATE INDEX idx_projects_visibility ON projects (visibility);
CREATE INDEX idx_projects_created ON projects (created_at, id);
CREATE INDEX idx_projects_updated ON projects (updated_at);

CREATE TABLE project_members (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    project_id UUID NOT NULL,
    user_id UUID NOT NULL,
    role user_role DEFAULT 'developer' NOT NULL,
    joined_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_project_members PRIMARY KEY (id),
    CONSTRAINT uq_project_members_user UNIQUE (project_id, user_id),
    CONSTRAINT fk_project_members_project FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT fk_project_members_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX idx_project_members_user ON project_members (user_id);
CREATE INDEX idx_project_members_updated ON project_members (updated_at);

CREATE TABLE files (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    project_id UUID NOT NULL,
    parent_id UUID,
    name VARCHAR(255) COLLATE "C" NOT NULL,
    path VARCHAR(1000) COLLATE "C" NOT NULL,
    type VARCHAR(50) COLLATE "C" NOT NULL,
    content TEXT COLLATE "C",
    language VARCHAR(50) COLLATE "C",
    size_bytes INTEGER DEFAULT 0 NOT NULL,
    line_count INTEGER DEFAULT 0 NOT NULL,
    digest VARCHAR(64) COLLATE "C",
    metadata JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_files PRIMARY KEY (id),
    CONSTRAINT idx_files_path UNIQUE (project_id, path),
    CONSTRAINT fk_files_project FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT fk_files_parent FOREIGN KEY (parent_id) REFERENCES files (id) ON DELETE CASCADE,
    CONSTRAINT ck_files_type CHECK (type IN ('file', 'folder'))
);
CREATE INDEX idx_files_project ON files (project_id, parent_id, name, id);
CREATE INDEX idx_files_parent ON files (parent_id);
CREATE INDEX idx_files_type ON files (project_id, type);
CREATE INDEX idx_files_language ON files (project_id, language);
CREATE INDEX idx_files_updated ON files (updated_at);

CREATE TABLE deployments (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    project_id UUID NOT NULL,
    environment VARCHAR(50) COLLATE "C" NOT NULL,
    status deployment_status DEFAULT 'pending' NOT NULL,
    version VARCHAR(100) COLLATE "C",
    container_id VARCHAR(255) COLLATE "C",
    container_port INTEGER,
    deployment_url VARCHAR(500) COLLATE "C",
    config JSONB DEFAULT '{}' NOT NULL,
    logs TEXT[] COLLATE "C",
    metrics JSONB DEFAULT '{}' NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    live_at TIMESTAMP WITH TIME ZONE,
    completed_at TIMESTAMP WITH TIME ZONE,
    retry_of UUID,
    rollback_of UUID,
    reason TEXT COLLATE "C",
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_deployments PRIMARY KEY (id),
    CONSTRAINT fk_deployments_project FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_deployments_in_flight
    ON deployments (project_id, environment) WHERE status IN ('pending', 'building');
CREATE UNIQUE INDEX uq_deployments_running
    ON deployments (project_id, environment) WHERE status IN ('running');
CREATE INDEX idx_deployments_project ON deployments (project_id, created_at, id);
CREATE INDEX idx_deployments_status ON deployments (project_id, status);
CREATE INDEX idx_deployments_environment ON deployments (project_id, environment);
CREATE INDEX idx_deployments_updated ON deployments (updated_at);

CREATE TABLE archived_deployments (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    project_id UUID NOT NULL,
    environment VARCHAR(50) COLLATE "C" NOT NULL,
    status deployment_status DEFAULT 'pending' NOT NULL,
    version VARCHAR(100) COLLATE "C",
    container_id VARCHAR(255) COLLATE "C",
    container_port INTEGER,
    deployment_url VARCHAR(500) COLLATE "C",
    config JSONB DEFAULT '{}' NOT NULL,
    logs TEXT[] COLLATE "C",
    metrics JSONB DEFAULT '{}' NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    live_at TIMESTAMP WITH TIME ZONE,
    completed_at TIMESTAMP WITH TIME ZONE,
    retry_of UUID,
    rollback_of UUID,
    reason TEXT COLLATE "C",
    archived_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_archived_deployments PRIMARY KEY (id),
    CONSTRAINT fk_archived_deployments_project FOREIGN KEY (project_id)
        REFERENCES projects (id)
    ON DELETE CASCADE
);
CREATE INDEX idx_archived_deployments_project ON archived_deployments (project_id, created_at, id);
CREATE INDEX idx_archived_deployments_updated ON archived_deployments (updated_at);

CREATE TABLE notifications (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    user_id UUID NOT NULL,
    type VARCHAR(100) COLLATE "C" NOT NULL,
    title VARCHAR(255) COLLATE "C" NOT NULL,
    message TEXT COLLATE "C",
    data JSONB DEFAULT '{}' NOT NULL,
    read_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_notifications PRIMARY KEY (id),
    CONSTRAINT fk_notifications_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX idx_notifications_user ON notifications (user_id, created_at, id);
CREATE INDEX idx_notifications_updated ON notifications (updated_at);

-- For clients other than vibecore, which writes updated_at itself: the triggers fire only where the statement left
-- it alone. It is the row's version, so it always grows, even when the clock stands still or runs behind.
CREATE FUNCTION update_updated_at_column() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := greatest(now(), OLD.updated_at + interval '1 microsecond');
    RETURN NEW;
END
$$;

CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON users
    FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION update_updated_at_column();

CREATE TRIGGER update_projects_updated_at BEFORE UPDATE ON projects
    FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION update_updated_at_column();

CREATE TRIGGER update_files_updated_at BEFORE UPDATE ON files
    FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION update_updated_at_column();

CREATE TRIGGER update_deployments_updated_at BEFORE UPDATE ON deployments
    FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION update_updated_at_column();

-- Every function resolves names in this schema alone, whatever the caller's search path; the comment lets
-- `vibecore check` see that a body was replaced.
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOREACH function IN ARRAY ARRAY[
        'update_updated_at_column()'
    ]::regprocedure[] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path FROM CURRENT', function);
        EXECUTE format(
            'COMMENT ON FUNCTION %s IS %L',
            function, 'vibecore V1, body ' || (SELECT md5(prosrc) FROM pg_proc WHERE oid = function)
        );
    END LOOP;
END
$$;
