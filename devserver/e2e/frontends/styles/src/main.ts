import 'look/base.css'
import './first.css'
import './second.css'
import classes from './title.module.css'
import { shown } from './part'

// Styles that are there before the first script runs do not flash.
document.documentElement.dataset.early = getComputedStyle(document.querySelector('h1')!).color
document.querySelector('h1')!.className = classes.title!
document.documentElement.dataset.part = shown
void import('./later').then(({ later }) => {
  document.documentElement.dataset.later = later
})
