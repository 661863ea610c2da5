-- What the catalogue is asked for, where the studio's table has other names than video_id and path: a view of them
-- (setting bigQuery.table). Replace PROJECT, DATASET and the names of the table behind it. Columns of other names can
-- also be set: bigQuery.idColumn and bigQuery.pathColumn.
CREATE OR REPLACE VIEW `PROJECT.DATASET.render_catalogue` (
  video_id OPTIONS (description = 'As jobs name it'),
  path OPTIONS (description = 'UNC path in a source share of the farm')
)
OPTIONS (description = 'Where the clips of render jobs lie')
AS
SELECT CAST(id AS STRING) AS video_id, unc_path AS path
FROM `PROJECT.DATASET.videos`
WHERE unc_path IS NOT NULL;

-- Where there is no table yet. Clustered by the id: a query reads the blocks of its ids, and not the whole table.
-- CREATE TABLE IF NOT EXISTS `PROJECT.DATASET.videos` (
--   video_id STRING NOT NULL,
--   path STRING NOT NULL
-- )
-- CLUSTER BY video_id;
