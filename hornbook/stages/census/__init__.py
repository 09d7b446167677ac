"""census: how many different exercises there are, how they are spread, and what they leave out (open in phi-1 §6).

Exercises are counted at two levels. At `text`, rows are one when they are equal up to white space. At `tree`, they are
one family when their programs are equal up to names, numbers, strings, comments and docstrings: what is left is the way
of solving. Shares of families are read with the measures of species counts in ecology.
"""

from hornbook.stages.census.stage import FAMILY, census

__all__ = ["FAMILY", "census"]
