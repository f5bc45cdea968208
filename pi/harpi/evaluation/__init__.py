"""How well the three recognisers do, on signal that none of them learnt.

`trial` and `split` say what is tested, `leaks` that none of it was learnt, `judging` asks the
recognisers, `metrics` and `resampling` count, `measuring` makes the `report` of it, and
`table`, `figures_file` and `page` show that to people. `runs` keeps every report.
"""
