DROP FUNCTION archive_old_records(integer, timestamptz);
DROP INDEX idx_code_reviews_issues, idx_files_metadata, idx_projects_architecture, idx_projects_tech_stack;
