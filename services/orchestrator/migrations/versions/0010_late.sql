-- Without a notice in time it is accepted (行政许可法 32(4)), also where no department was silent: they
-- had been asked when their time was over, for the submission itself had come late.

alter table acceptance drop constraint acceptance_somebody_silent;
