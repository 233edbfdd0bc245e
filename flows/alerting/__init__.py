"""Alerting: alerts leave as events; the server's automations pass them to the dispatcher, which sends each once a day.

| file             | does                                                                                      |
|------------------|-------------------------------------------------------------------------------------------|
| events.py        | emits one event `throng.<kind>` for each alert                                            |
| automations.py   | the server's automations as code: Throng's events; failed, crashed, late and missing runs |
| dispatcher.py    | receives them on loopback; sends each once a day by each notifier, and retries            |
| notifiers.py     | the log, and the services of THRONG_ALERTS; addresses and passwords stay in settings      |
"""
