"""Pure statistics: intervals, paired comparisons, trends."""
