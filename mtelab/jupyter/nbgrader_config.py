"""This course for nbgrader.

Install it beside mtelab (python -m pip install "mtelab[grading]") and run its commands in this folder, a lab at a time:

    nbgrader generate_assignment LAB    makes release/LAB, without solutions
    nbgrader release_assignment LAB     puts it into the exchange, where students fetch it and submit
    nbgrader collect LAB                brings what they submitted to submitted/STUDENT/LAB/LAB.ipynb
    nbgrader autograde LAB              runs and marks it
    nbgrader generate_feedback LAB      makes a page for each student
    nbgrader export                     writes grades.csv

Without an exchange, put the notebooks into submitted/STUDENT/LAB yourself.

nbgrader runs what students wrote as the one who calls it. Do that with an account that can do no harm.
"""

from mtelab.learn.grading import configure

c = get_config()
configure(c)

c.CourseDirectory.course_id = "mtelab"

# Folder that students and graders share.
# c.Exchange.root = "/srv/nbgrader/exchange"

# Seconds that one cell may take.
c.Execute.timeout = 60

# Whose question a prediction is judged by: the one that the submitted notebook says it was drawn for ("notebook"), or
# the student's as nbgrader calls them ("student"). The second cannot be borrowed from a neighbour, but needs a hub
# whose user names are nbgrader's.
c.Learner.seed_from = "notebook"
