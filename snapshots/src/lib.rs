//! What each scenario recorded, and the tests that replay it.
