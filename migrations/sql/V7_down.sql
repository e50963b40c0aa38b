DROP TABLE content_grams;
