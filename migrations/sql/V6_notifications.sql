-- V6: notifications that renew themselves, preferences, webhooks, the outbox.

ALTER TABLE notifications
    ADD COLUMN dedup_key VARCHAR(200) COLLATE "C",
    ADD COLUMN occurrences INTEGER DEFAULT 1 NOT NULL,
    -- What is there already was told in its time: no channel is to tell it again.
    ADD COLUMN pending BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN occurred_at TIMESTAMP WITH TIME ZONE;
UPDATE notifications SET occurred_at = created_at;
ALTER TABLE notifications
    ALTER COLUMN pending SET DEFAULT true,
    ALTER COLUMN occurred_at SET DEFAULT now(),
    ALTER COLUMN occurred_at SET NOT NULL,
    ADD CONSTRAINT uq_notifications_dedup UNIQUE (user_id, type, dedup_key);
DROP INDEX idx_notifications_user;
CREATE INDEX idx_notifications_user ON notifications (user_id, occurred_at, id);
CREATE INDEX idx_notifications_unread ON notifications (user_id, occurred_at, id) WHERE read_at IS NULL;
CREATE INDEX idx_notifications_pending ON notifications (user_id, occurred_at) WHERE pending;
CREATE INDEX idx_notifications_read ON notifications (read_at) WHERE read_at IS NOT NULL;

CREATE TABLE notification_preferences (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    user_id UUID NOT NULL,
    type VARCHAR(100) COLLATE "C" NOT NULL,
    channel VARCHAR(50) COLLATE "C" NOT NULL,
    schedule VARCHAR(20) COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_notification_preferences PRIMARY KEY (id),
    CONSTRAINT uq_notification_preferences_choice UNIQUE (user_id, type, channel),
    CONSTRAINT fk_notification_preferences_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT ck_notification_preferences_schedule CHECK (schedule IN ('immediately', 'hourly', 'daily', 'never'))
);
CREATE INDEX idx_notification_preferences_updated ON notification_preferences (updated_at);

CREATE TABLE notification_webhooks (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    user_id UUID NOT NULL,
    url VARCHAR(2000) COLLATE "C" NOT NULL,
    secret VARCHAR(255) COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_notification_webhooks PRIMARY KEY (id),
    CONSTRAINT fk_notification_webhooks_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX idx_notification_webhooks_user ON notification_webhooks (user_id);
CREATE INDEX idx_notification_webhooks_updated ON notification_webhooks (updated_at);

CREATE TABLE notification_deliveries (
    id UUID DEFAULT uuid_generate_v4() NOT NULL,
    user_id UUID NOT NULL,
    notification_id UUID NOT NULL,
    channel VARCHAR(50) COLLATE "C" NOT NULL,
    schedule VARCHAR(20) COLLATE "C" NOT NULL,
    state VARCHAR(20) COLLATE "C" DEFAULT 'pending' NOT NULL,
    place INTEGER NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    lease UUID,
    leased_until TIMESTAMP WITH TIME ZONE,
    error VARCHAR(200) COLLATE "C",
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_notification_deliveries PRIMARY KEY (id),
    CONSTRAINT fk_notification_deliveries_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_notification_deliveries_notification FOREIGN KEY (notification_id) REFERENCES notifications (id)
        ON DELETE CASCADE,
    CONSTRAINT ck_notification_deliveries_schedule CHECK (schedule IN ('immediately', 'hourly', 'daily', 'never')),
    CONSTRAINT ck_notification_deliveries_state CHECK (state IN ('pending', 'dead'))
);
CREATE INDEX idx_notification_deliveries_lane ON notification_deliveries (user_id, channel, schedule, place, id);
CREATE INDEX idx_notification_deliveries_notification ON notification_deliveries (notification_id);
CREATE INDEX idx_notification_deliveries_due ON notification_deliveries (due_at, user_id, id)
    WHERE state = 'pending';
CREATE INDEX idx_notification_deliveries_updated ON notification_deliveries (updated_at);
