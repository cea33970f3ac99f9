-- Ratings and their follow-ups. `ratings.py` says what each is for.

-- name: add_ratings(applications, departments, grades, comment_refs, ats)
-- Returns those that are new: the first word on a department counts.
insert into rating (application, department, grade, comment_ref, rated_at)
select * from unnest(
    :applications::text[], :departments::text[], :grades::text[], :comment_refs::text[],
    :ats::timestamptz[]
)
on conflict (application, department) do nothing
returning application, department;

-- name: open_follow_ups(applications, departments, grades, ats, due_ons, due_ats, calendar)
insert into follow_up (
    application, department, grade, opened_at, due_on, due_at, calendar_version
)
select u.*, :calendar::text
from unnest(
    :applications::text[], :departments::text[], :grades::text[], :ats::timestamptz[],
    :due_ons::date[], :due_ats::timestamptz[]
) as u
returning id, application, department, grade, opened_at, due_on, due_at;

-- name: list_follow_ups(department, state, overdue, now, after_at, after_id, at_most)
-- Keyset page in the order of the term. Every filter may be null.
select f.*
from follow_up as f
where (:department::text is null or f.department = :department)
  and (:state::text is null or :state = case
      when f.closed_at is not null then 'closed' when f.answered_at is not null then 'answered'
      else 'open' end)
  and (:overdue::boolean is null
      or :overdue = (:now::timestamptz > f.due_at and f.closed_at is null))
  and (:after_at::timestamptz is null or (f.due_at, f.id) > (:after_at, :after_id::bigint))
order by f.due_at, f.id
limit :at_most;

-- name: lock_follow_up(id)^
select f.*, a.traceparent,
    coalesce(a.shared -> 'applicant_refs', '[]'::jsonb)::text as applicant_refs
from follow_up as f
join application as a on a.number = f.application
where f.id = :id::bigint
for update of f;

-- name: answer_follow_up(id, answer, by, at)^
update follow_up set answer = :answer::text, answered_by = :by::text, answered_at = :at::timestamptz
where id = :id::bigint
returning *;

-- name: close_follow_up(id, closing, by, at)^
update follow_up set closing = :closing::text, closed_by = :by::text, closed_at = :at::timestamptz
where id = :id::bigint
returning *;
