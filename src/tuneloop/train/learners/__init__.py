"""Objectives at work: for each that keeps something from step to step, its learner, in a file of the objective's name.

pair.py      dpo, orpo and simpo: two answers to one question
rounds.py    grpo and ppo: rounds of answers that the model writes itself
"""
