-- V4: second factors, rotation of session tokens, throttling.

ALTER TABLE users
    ADD COLUMN two_factor_step INTEGER,
    ADD COLUMN two_factor_generation INTEGER DEFAULT 0 NOT NULL;

-- Sessions that are open keep their end; their users proved who they are when they signed in.
ALTER TABLE sessions
    ADD COLUMN idle_expires_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN authenticated_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN second_factor BOOLEAN DEFAULT false NOT NULL;
UPDATE sessions SET idle_expires_at = expires_at, authenticated_at = created_at, updated_at = updated_at;
ALTER TABLE sessions
    ALTER COLUMN idle_expires_at SET NOT NULL,
    ALTER COLUMN authenticated_at SET NOT NULL;

CREATE TABLE superseded_tokens (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    user_id UUID NOT NULL,
    session_id UUID NOT NULL,
    token VARCHAR(500) COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_superseded_tokens PRIMARY KEY (id),
    CONSTRAINT uq_superseded_tokens_token UNIQUE (user_id, token),
    CONSTRAINT fk_superseded_tokens_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_superseded_tokens_session FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
);
CREATE INDEX idx_superseded_tokens_session ON superseded_tokens (session_id);
CREATE INDEX idx_superseded_tokens_updated ON superseded_tokens (updated_at);

CREATE TABLE recovery_codes (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    user_id UUID NOT NULL,
    code_hash VARCHAR(64) COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_recovery_codes PRIMARY KEY (id),
    CONSTRAINT uq_recovery_codes_hash UNIQUE (user_id, code_hash),
    CONSTRAINT fk_recovery_codes_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX idx_recovery_codes_updated ON recovery_codes (updated_at);

CREATE TABLE throttles (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    available_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tries INTEGER DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_throttles PRIMARY KEY (id)
);
CREATE INDEX idx_throttles_available ON throttles (available_at);
CREATE INDEX idx_throttles_updated ON throttles (updated_at);
