"""Label Studio's JSON: exports of its projects are imported, and labels are written as tasks that it imports."""
