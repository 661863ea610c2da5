-- The tables as the studio has them. Where they are there already, nothing here changes them.

create table if not exists profiles (
  id text primary key,
  username text
);

create table if not exists jobs (
  job_id uuid primary key,
  user_id text not null,
  channel_name text not null,
  enable_4k boolean not null default false,
  status text not null default 'queued',
  progress integer not null default 0,
  queue_name text,
  worker_id text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  completed_at timestamptz,
  output_path text,
  final_duration double precision,
  error_message text
);

create table if not exists job_items (
  job_id uuid not null references jobs (job_id) on delete cascade,
  position integer not null,
  item_type text not null,
  video_id text,
  path text,
  title text,
  logo_path text,
  duration double precision,
  text_animation_text text,
  resolution text,
  is_4k boolean,
  path_available boolean
);
