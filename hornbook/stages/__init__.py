"""What happens to the data: one word, one file, one public function each."""
