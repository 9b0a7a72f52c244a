package main

func limits(w *world, r *report) error { return nil }
func stress(w *world, r *report) error { return nil }
func demo(w *world) error              { return nil }
