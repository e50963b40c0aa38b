DROP FUNCTION refresh_analytics(timestamptz);
DROP MATERIALIZED VIEW mv_system_health, mv_user_activity, mv_daily_project_stats;
DROP VIEW v_deployment_success_rate, v_project_file_stats, v_recent_activity;
DROP TABLE analytics_refreshes;
