//! What a run is: definition, plan, transcript, normaliser, comparison, report.
