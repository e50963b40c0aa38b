-- V2: AI features, enhanced security.

CREATE TABLE sessions (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    user_id UUID NOT NULL,
    token VARCHAR(500) COLLATE "C" NOT NULL,
    device_info JSONB DEFAULT '{}' NOT NULL,
    ip_address VARCHAR(50) COLLATE "C",
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_sessions PRIMARY KEY (id),
    CONSTRAINT uq_sessions_token UNIQUE (user_id, token),
    CONSTRAINT fk_sessions_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX idx_sessions_expires ON sessions (expires_at);
CREATE INDEX idx_sessions_updated ON sessions (updated_at);

CREATE TABLE api_keys (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    user_id UUID NOT NULL,
    name VARCHAR(255) COLLATE "C" NOT NULL,
    key_hash VARCHAR(255) COLLATE "C" NOT NULL,
    key_prefix VARCHAR(20) COLLATE "C" NOT NULL,
    permissions JSONB DEFAULT '[]' NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_api_keys PRIMARY KEY (id),
    CONSTRAINT uq_api_keys_prefix UNIQUE (user_id, key_prefix),
    CONSTRAINT fk_api_keys_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX idx_api_keys_updated ON api_keys (updated_at);

CREATE TABLE audit_logs (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    user_id UUID,
    action VARCHAR(100) COLLATE "C" NOT NULL,
    resource_type VARCHAR(100) COLLATE "C",
    resource_id UUID,
    project_id UUID,
    details JSONB DEFAULT '{}' NOT NULL,
    ip_address VARCHAR(50) COLLATE "C",
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_audit_logs PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX idx_audit_logs_user ON audit_logs (user_id, created_at);
CREATE INDEX idx_audit_logs_resource ON audit_logs (resource_type, resource_id);
CREATE INDEX idx_audit_logs_project ON audit_logs (project_id, created_at);
CREATE INDEX idx_audit_logs_created ON audit_logs (created_at, id);
CREATE INDEX idx_audit_logs_updated ON audit_logs (updated_at);

-- Rows of months that have no partition wait here until ensure_audit_partitions makes one.
CREATE TABLE audit_logs_default PARTITION OF audit_logs DEFAULT;

CREATE TABLE code_reviews (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    project_id UUID NOT NULL,
    file_path VARCHAR(1000) COLLATE "C" NOT NULL,
    language VARCHAR(50) COLLATE "C",
    score INTEGER NOT NULL,
    issues JSONB DEFAULT '[]' NOT NULL,
    summary TEXT COLLATE "C",
    highlights JSONB DEFAULT '[]' NOT NULL,
    reviewer VARCHAR(100) COLLATE "C" DEFAULT 'manual' NOT NULL,
    digest VARCHAR(64) COLLATE "C",
    line_count INTEGER DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_code_reviews PRIMARY KEY (id),
    CONSTRAINT fk_code_reviews_project FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE
);
CREATE INDEX idx_code_reviews_project ON code_reviews (project_id, file_path, created_at, id);
CREATE INDEX idx_code_reviews_updated ON code_reviews (updated_at);

CREATE TABLE test_results (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    project_id UUID NOT NULL,
    file_path VARCHAR(1000) COLLATE "C" NOT NULL,
    test_type VARCHAR(50) COLLATE "C" NOT NULL,
    framework VARCHAR(50) COLLATE "C",
    test_code TEXT COLLATE "C",
    edge_cases JSONB DEFAULT '[]' NOT NULL,
    coverage_goal INTEGER,
    passed INTEGER DEFAULT 0 NOT NULL,
    failed INTEGER DEFAULT 0 NOT NULL,
    skipped INTEGER DEFAULT 0 NOT NULL,
    covered INTEGER,
    coverable INTEGER,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_test_results PRIMARY KEY (id),
    CONSTRAINT fk_test_results_project FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT ck_test_results_test_type CHECK (test_type IN ('unit', 'integration', 'e2e'))
);
CREATE INDEX idx_test_results_project ON test_results (project_id, file_path, test_type, created_at, id);
CREATE INDEX idx_test_results_updated ON test_results (updated_at);

CREATE TABLE cicd_pipelines (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    project_id UUID NOT NULL,
    name VARCHAR(255) COLLATE "C" NOT NULL,
    provider VARCHAR(50) COLLATE "C" DEFAULT 'github' NOT NULL,
    format VARCHAR(10) COLLATE "C" DEFAULT 'yaml' NOT NULL,
    config TEXT COLLATE "C" DEFAULT '' NOT NULL,
    definition JSONB DEFAULT '{}' NOT NULL,
    enabled BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_cicd_pipelines PRIMARY KEY (id),
    CONSTRAINT uq_cicd_pipelines_name UNIQUE (project_id, name),
    CONSTRAINT fk_cicd_pipelines_project FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT ck_cicd_pipelines_provider CHECK (provider IN ('github', 'forgejo', 'gitlab')),
    CONSTRAINT ck_cicd_pipelines_format CHECK (format IN ('yaml', 'json'))
);
CREATE INDEX idx_cicd_pipelines_updated ON cicd_pipelines (updated_at);

CREATE TABLE cicd_executions (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    project_id UUID NOT NULL,
    pipeline_id UUID NOT NULL,
    status VARCHAR(50) COLLATE "C" DEFAULT 'queued' NOT NULL,
    attempt INTEGER DEFAULT 1 NOT NULL,
    trigger VARCHAR(50) COLLATE "C",
    branch VARCHAR(255) COLLATE "C",
    commit_sha VARCHAR(64) COLLATE "C",
    concurrency_key VARCHAR(255) COLLATE "C",
    logs TEXT[] COLLATE "C",
    reason TEXT COLLATE "C",
    started_at TIMESTAMP WITH TIME ZONE,
    completed_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_cicd_executions PRIMARY KEY (id),
    CONSTRAINT fk_cicd_executions_project FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT fk_cicd_executions_pipeline FOREIGN KEY (pipeline_id)
        REFERENCES cicd_pipelines (id)
    ON DELETE CASCADE,
    CONSTRAINT ck_cicd_executions_status
        CHECK (status IN ('queued', 'blocked', 'running', 'success', 'failed', 'cancelled', 'skipped', 'timed_out'))
);
CREATE UNIQUE INDEX uq_cicd_executions_running
    ON cicd_executions (project_id, concurrency_key) WHERE status IN ('running');
CREATE INDEX idx_cicd_executions_project ON cicd_executions (project_id, created_at, id);
CREATE INDEX idx_cicd_executions_pipeline ON cicd_executions (pipeline_id);
CREATE INDEX idx_cicd_executions_updated ON cicd_executions (updated_at);

CREATE TABLE quality_scores (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    project_id UUID NOT NULL,
    score NUMERIC(5,2),
    lower NUMERIC(5,2) NOT NULL,
    upper NUMERIC(5,2) NOT NULL,
    confidence INTEGER NOT NULL,
    model VARCHAR(20) COLLATE "C" NOT NULL,
    inputs JSONB DEFAULT '{}' NOT NULL,
    components JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_quality_scores PRIMARY KEY (id),
    CONSTRAINT fk_quality_scores_project FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE
);
CREATE INDEX idx_quality_scores_project ON quality_scores (project_id, created_at, id);
CREATE INDEX idx_quality_scores_updated ON quality_scores (updated_at);

CREATE TRIGGER update_api_keys_updated_at BEFORE UPDATE ON api_keys
    FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at)
    EXECUTE FUNCTION update_updated_at_column();

-- Makes the monthly partitions of audit_logs (UTC months) from that of `as_of` to `months_ahead` later, where they
-- are missing, and moves in what the default partition holds of them. Returns how many it made.
CREATE FUNCTION ensure_audit_partitions(months_ahead integer, as_of timestamptz DEFAULT now()) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    home oid := (SELECT relnamespace FROM pg_class WHERE oid = 'audit_logs'::regclass);
    month timestamp;
    low timestamptz;
    high timestamptz;
    part text;
    made integer := 0;
BEGIN
    IF months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 120 OR as_of IS NULL OR NOT isfinite(as_of) THEN
        RAISE EXCEPTION 'months_ahead must be 0 to 120 and as_of a moment' USING ERRCODE = '22023';
    END IF;
    FOR step IN 0..months_ahead LOOP
        month := date_trunc('month', as_of AT TIME ZONE 'UTC') + make_interval(months => step);
        low := month AT TIME ZONE 'UTC';
        high := (month + interval '1 month') AT TIME ZONE 'UTC';
        part := 'audit_logs_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN EXISTS (SELECT FROM pg_class WHERE relname = part AND relnamespace = home);
        -- Holds writers off until commit, so that no row can reach the default partition between move and attach.
        LOCK TABLE audit_logs IN SHARE ROW EXCLUSIVE MODE;
        CONTINUE WHEN EXISTS (SELECT FROM pg_class WHERE relname = part AND relnamespace = home);
        EXECUTE format('CREATE TABLE %I (LIKE audit_logs INCLUDING ALL)', part);
        EXECUTE format(
            'WITH moved AS (DELETE FROM audit_logs_default WHERE created_at >= %L AND created_at < %L RETURNING *)'
            ' INSERT INTO %I SELECT * FROM moved',
            low, high, part
        );
        EXECUTE format('ALTER TABLE audit_logs ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, low, high);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

SELECT ensure_audit_partitions(4, now() - interval '1 month');

-- Appends an event to the audit trail and returns its id. An event on a project is an event of that project.
CREATE FUNCTION log_audit_event(
    p_user_id uuid,
    p_action text,
    p_resource_type text,
    p_resource_id uuid,
    p_details jsonb DEFAULT '{}',
    p_ip_address text DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql
AS $$
DECLARE
    event uuid := uuid_generate_v4();
BEGIN
    IF p_action = '' THEN
        RAISE EXCEPTION 'action is empty' USING ERRCODE = '22023';
    END IF;
    IF jsonb_typeof(p_details) <> 'object' THEN
        RAISE EXCEPTION 'details must be a JSON object' USING ERRCODE = '22023';
    END IF;
    INSERT INTO audit_logs (id, user_id, action, resource_type, resource_id, project_id, details, ip_address)
    VALUES (
        event, p_user_id, p_action, p_resource_type, p_resource_id,
        CASE WHEN p_resource_type = 'projects' THEN p_resource_id END,
        coalesce(p_details, '{}'), p_ip_address
    );
    RETURN event;
END
$$;
