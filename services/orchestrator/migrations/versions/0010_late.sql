-- Without a notice in time it is accepted (行政许可法 32(4)), also where no department was silent: they
-- had been asked when their time was over, for the submission itself had come late.

alter table acceptance drop constraint acceptance_somebody_silent;

-- What operators have done with one application is asked for by every page that shows it.
create index operator_act_by_application on operator_act (application, at, event_id);
