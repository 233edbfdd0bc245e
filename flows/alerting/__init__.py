"""Telling people: alerts leave as events, the server's automations hear them, the teller passes them on once a day.

| file           | does                                                                                    |
|----------------|-----------------------------------------------------------------------------------------|
| rounds.py      | after `daily` and `backfill`: alerts are looked for; `metrics.prom`, `status.html`      |
| events.py      | one event `throng.<kind>` for each alert                                                |
| automations.py | the server's automations as code: our events, failed, crashed, late and missing runs  |
| teller.py      | hears them on loopback; each alert once a day on each channel, again until it got there |
| memory.py      | what was told when                                                                      |
| channels.py    | log, webhook and e-mail; addresses and passwords stay in the environment                |
"""
