-- Ratings of service and their follow-ups. `ratings.py` says what each is for.

-- name: rateable(number, department)^
-- Who the people of an application are, and whether a result of the department is out.
select a.number, a.owner_ref, a.traceparent, p.id_number as applicant, g.id_number as agent,
    exists (
        select from result as r
        where r.application = a.number and r.department = :department::text
    ) as released
from application as a
join party as p on p.application = a.number and p.capacity = 'applicant'
left join party as g on g.application = a.number and g.capacity = 'agent'
where a.number = :number::text;

-- name: add_rating(application, department, grade, comment, at)$
-- Returns nothing when the department was rated before.
insert into rating (application, department, grade, comment, rated_at)
values (
    :application::text, :department::text, :grade::text, :comment::text, :at::timestamptz
)
on conflict (application, department) do nothing
returning department;

-- name: ratings_of(number, department)
-- Departments whose results are out, with what was said of them; of all, or of one.
select r.department, g.grade, g.comment, g.rated_at, f.state, f.due_at, f.answer, f.answered_at,
    f.closed_at
from (
    select distinct department from result where application = :number::text
) as r
left join rating as g on g.application = :number::text and g.department = r.department
left join rating_follow_up as f on f.application = :number::text and f.department = r.department
where :department::text is null or r.department = :department::text
order by r.department;

-- name: open_follow_ups(applications, departments, dues)!
insert into rating_follow_up (application, department, state, due_at)
select t.application, t.department, 'open', t.due_at
from unnest(:applications::text[], :departments::text[], :dues::timestamptz[])
    as t (application, department, due_at);

-- name: answer_follow_ups(applications, departments, answers, ats)!
update rating_follow_up as f
set state = 'answered', answer = t.answer, answered_at = t.at
from unnest(:applications::text[], :departments::text[], :answers::text[], :ats::timestamptz[])
    as t (application, department, answer, at)
where f.application = t.application and f.department = t.department;

-- name: close_follow_ups(applications, departments, ats)!
update rating_follow_up as f
set state = 'closed', closed_at = t.at
from unnest(:applications::text[], :departments::text[], :ats::timestamptz[])
    as t (application, department, at)
where f.application = t.application and f.department = t.department;
