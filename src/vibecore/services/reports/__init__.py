"""Reports of other tools: SARIF in and out; JUnit XML, Cobertura and LCOV in. Files of strangers: nothing in them is
trusted, and every reader takes one piece of them at a time."""
