-- The table of results: one row for each end of a job (setting bigQuery.resultsTable). Replace PROJECT and DATASET.
-- Running it again changes nothing. A table of the old system stays as it is, where it has these columns.
CREATE TABLE IF NOT EXISTS `PROJECT.DATASET.results` (
  job_id STRING NOT NULL OPTIONS (description = 'UUID of the job'),
  username STRING OPTIONS (description = 'Name of its user; unknown where there was none'),
  channel_name STRING,
  timestamp TIMESTAMP NOT NULL OPTIONS (description = 'When the job ended, UTC. With job_id it tells one row from another'),
  video_count INT64 OPTIONS (description = 'Items of type video'),
  total_duration FLOAT64 OPTIONS (description = 'Length of the result in seconds; NULL where there is none'),
  output_path STRING OPTIONS (description = 'UNC path of the result; NULL where there is none'),
  worker_id STRING OPTIONS (description = 'Agent of the attempt that published, else of the last one'),
  -- One STRING here instead: set bigQuery.resultsFeatures to text.
  features_used ARRAY<STRING> OPTIONS (description = 'logo_overlay, text_animation, image_slides, 4k_output'),
  processing_time FLOAT64 OPTIONS (description = 'Seconds of that attempt, from its acceptance to its end'),
  status STRING OPTIONS (description = 'completed; with results: all also failed and cancelled')
)
-- A MERGE reads the day of its row, and no other.
PARTITION BY DATE(timestamp)
CLUSTER BY job_id
OPTIONS (description = 'Ends of render jobs, written by renderfarm');
