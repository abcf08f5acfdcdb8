"""The face task: composed pictures, assignment, loss, and every figure of a detector."""
