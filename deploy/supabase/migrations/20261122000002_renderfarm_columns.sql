-- What the render farm adds. It takes nothing away, and may be run again.

-- Grows with every write of the farm; 0: it has not written yet. More digits than a double has.
alter table jobs add column if not exists revision numeric not null default 0;
-- 'renderfarm': this row is the farm's, or for it to take. The old API never sets it.
alter table jobs add column if not exists farm text;
-- Name of the farm that has the row (`farm` of its settings), and since when.
alter table jobs add column if not exists claimed_by text;
alter table jobs add column if not exists claimed_at timestamptz;
-- The farm's own word for where the job is, as it was written last: a status that differs is somebody else's.
alter table jobs add column if not exists farm_state text;
-- What the job asked for and what became of it, where the columns above have no place.
alter table jobs add column if not exists farm_job jsonb;

-- An item that is sent twice is one item. If this fails, the table has two items at one position of a job.
create unique index if not exists job_items_by_position on job_items (job_id, position);

-- Rows for a farm to take, oldest first.
create index if not exists jobs_to_take on jobs (created_at, job_id)
  where status = 'queued' and farm = 'renderfarm' and claimed_by is null;
-- Rows that a farm has taken and not written yet.
create index if not exists jobs_taken on jobs (claimed_by, job_id)
  where status = 'queued' and farm = 'renderfarm' and farm_state is null;
-- Rows that somebody else has cancelled.
create index if not exists jobs_cancelled_outside on jobs (claimed_by, job_id)
  where status = 'cancelled' and farm_state <> 'cancelled';
-- History, newest first.
create index if not exists jobs_ended on jobs (completed_at desc, job_id desc)
  where completed_at is not null;
