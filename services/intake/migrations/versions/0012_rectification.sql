-- A notice ends once: with an answer, or closed because none came in its term.

alter table rectification
    add column closed_at timestamptz,
    add constraint rectification_ends_once check (answered_at is null or closed_at is null);
comment on column rectification.closed_at is
    'when it was closed because no answer had been committed in its term';
