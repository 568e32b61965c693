"""The shared cache: client, circuit breaker, and invalidations to repeat after a failure."""
