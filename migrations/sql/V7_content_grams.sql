-- V7: the index of contents, which makes searches fast.

CREATE TABLE content_grams (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    project_id UUID NOT NULL,
    digest VARCHAR(64) COLLATE "C" NOT NULL,
    grams TEXT[] COLLATE "C",
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_content_grams PRIMARY KEY (id),
    CONSTRAINT uq_content_grams_digest UNIQUE (project_id, digest),
    CONSTRAINT fk_content_grams_project FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE
);
CREATE INDEX idx_content_grams_grams ON content_grams USING gin (grams);
CREATE INDEX idx_content_grams_updated ON content_grams (updated_at);
