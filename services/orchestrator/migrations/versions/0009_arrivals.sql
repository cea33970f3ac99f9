-- Answers that were given in time and heard of only after their silence had been recorded.

alter table examination add column arrived_at timestamptz;
comment on column examination.arrived_at is
    'of an answer given in time (ended_at) that came when silence stood here; else null';
