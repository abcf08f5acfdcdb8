"""What every run shares, whatever it trains: loop, optimizer, checkpoints, history, several processes.

What is specific to a task stands in `emotion` or `face`.
"""
