"""The benchmark itself: graph, warm-up, timed searches, resumption, energy."""
