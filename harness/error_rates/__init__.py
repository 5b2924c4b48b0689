"""How often the gate errs: every deciding rule of a policy, simulated from the policy's numbers."""
