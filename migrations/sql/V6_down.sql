DROP TABLE notification_deliveries, notification_webhooks, notification_preferences;
ALTER TABLE notifications DROP CONSTRAINT uq_notifications_dedup;
DROP INDEX idx_notifications_user, idx_notifications_unread, idx_notifications_pending, idx_notifications_read;
ALTER TABLE notifications
    DROP COLUMN occurred_at, DROP COLUMN pending, DROP COLUMN occurrences, DROP COLUMN dedup_key;
CREATE INDEX idx_notifications_user ON notifications (user_id, created_at, id);
