"""A static judge of layouts: what an owner would regret having signed. Pure, like verification.

::

    for complaint in lint(layout, at):
        print(complaint.severity, complaint.where, complaint.sentence, complaint.remedy)

`complaints` holds every reason code with its severity and meaning, `lint` puts the judges together: `lists` judges a
list of rules by itself, `patterns` each pattern, `flow` how artifacts pass from step to step, `authority` keys and
thresholds, `certificates` constraints on certificates, and CAs, `surroundings` expiry and commands. `globs` compares
patterns without any artifact at hand.
"""
