DROP MATERIALIZED VIEW mv_system_health, mv_user_activity, mv_daily_project_stats;
DROP VIEW v_deployment_success_rate, v_project_file_stats, v_recent_activity;
DROP FUNCTION archive_old_records(integer, timestamptz);
DROP INDEX idx_code_reviews_issues, idx_files_metadata, idx_projects_architecture, idx_projects_tech_stack;
