"""What the package is worth on real data: scripts, which tests do not run; see RESULTS.md."""
