DROP FUNCTION calculate_project_quality(uuid);
DROP FUNCTION project_quality_inputs(uuid);
DROP FUNCTION log_audit_event(uuid, text, text, uuid, jsonb, text);
DROP FUNCTION ensure_audit_partitions(integer, timestamptz);
DROP TABLE quality_scores, cicd_executions, cicd_pipelines, test_results, code_reviews, audit_logs, api_keys, sessions;
